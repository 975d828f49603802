import type { TokenRow, TokenStore } from "../../services/tokens.ts";
import { insertAudit } from "./audit.ts";
import type { Database } from "./database.ts";

const COLUMNS = `name, role, created_by AS "createdBy", created_at AS "createdAt", expires_at AS "expiresAt",
  last_used_at AS "lastUsedAt"`;

/** Access tokens in Postgres. */
export function createTokenStore(db: Database): TokenStore {
  return {
    insert: (token, secretHash, audit) =>
      db.transaction(async (tx) => {
        const saved = await tx.query(
          `INSERT INTO tokens (name, role, secret_hash, created_by, created_at, expires_at)
           VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (name) DO NOTHING RETURNING name`,
          [token.name, token.role, secretHash, token.createdBy, token.createdAt, token.expiresAt],
        );
        if (saved.length === 0) return false;
        await insertAudit(tx, audit);
        return true;
      }),

    list: () => db.query<TokenRow>(`SELECT ${COLUMNS} FROM tokens ORDER BY name`),

    async find(secretHash) {
      const rows = await db.query<TokenRow>(`SELECT ${COLUMNS} FROM tokens WHERE secret_hash = $1`, [secretHash]);
      return rows[0] ?? null;
    },

    async used(name, at) {
      await db.query("UPDATE tokens SET last_used_at = $2 WHERE name = $1", [name, at]);
    },

    remove: (name, audit) =>
      db.transaction(async (tx) => {
        const [removed] = await tx.query<TokenRow>(`DELETE FROM tokens WHERE name = $1 RETURNING ${COLUMNS}`, [name]);
        if (removed === undefined) return false;
        await insertAudit(tx, audit(removed));
        return true;
      }),
  };
}
