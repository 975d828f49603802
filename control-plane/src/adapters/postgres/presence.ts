import type { PresenceStore } from "../../services/presence.ts";
import type { Database } from "./database.ts";

/** One that was away for longer calls itself new; an address too many costs a runner one attempt. */
const KEPT = "1 day";

/** Which control planes share this database. */
export function createPresenceStore(db: Database): PresenceStore {
  return {
    async announce(address) {
      await db.query(
        `INSERT INTO control_planes (address) VALUES ($1) ON CONFLICT (address) DO UPDATE SET seen_at = now()`,
        [address],
      );
      const rows = await db.query<{ address: string }>(
        "SELECT address FROM control_planes WHERE seen_at > now() - $1::interval ORDER BY address",
        [KEPT],
      );
      return rows.map((row) => row.address);
    },
  };
}
