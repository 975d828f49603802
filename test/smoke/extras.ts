import type { Difference } from "../../producer/src/oracle/comparison.ts";
import type { Stack } from "../stack/stack.ts";

interface Answer {
  rows: [place: string, extra: string][];
}

/**
 * Compares what silver keeps of fields that the contract lacks with what was sent, record by record.
 * @param expected by `partition/offset`
 */
export async function compareExtras(stack: Stack, expected: ReadonlyMap<string, string>): Promise<Difference[]> {
  // A record that was let in has two rows, and both keep it.
  const sql = `SELECT DISTINCT partition || '/' || "offset" AS place, extra FROM silver_all WHERE extra IS NOT NULL`;
  const limits = { rows: 1_000_000, bytes: "64MB", timeout: "60s" };
  const { rows } = await stack.rest.post<Answer>("/v1/sql", {}, { sql, truncate: false, limits });
  const found = new Map(rows.map(([place, extra]) => [place, JSON.stringify(JSON.parse(extra))]));
  const places = new Set([...expected.keys(), ...found.keys()]);
  return [...places].flatMap((place) => {
    const [wanted, actual] = [expected.get(place), found.get(place)];
    return wanted === actual
      ? []
      : { key: `extra of the record ${place}`, expected: wanted ?? "nothing", actual: actual ?? "nothing" };
  });
}
