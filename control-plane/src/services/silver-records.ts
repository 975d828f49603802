import type { RecordPlace } from "../domain/override.ts";
import type { SnapshotSet, Snapshots } from "./snapshots.ts";

const SILVER = "silver.sales_events";

/** A row of silver, as far as a decision about its record needs it. */
export interface SilverRecord extends RecordPlace {
  outcome: string;
  reasons: string[] | null;
  eventId: string | null;
  /** number of the override that let it in */
  override: number | null;
}

/** Finds rows of the newest version of silver. `createSilverRecords({ snapshots })` */
export interface SilverRecords {
  /** the rows of one record: one, or two where an override let it in beside its refused row; none while silver has not read it */
  at(place: RecordPlace): Promise<SilverRecord[]>;
  /** where the event of this id was accepted; null where it was not */
  accepted(eventId: string): Promise<SilverRecord | null>;
}

export function createSilverRecords({ snapshots }: { snapshots: Snapshots }): SilverRecords {
  return {
    at: ({ topic, partition, offset }) =>
      snapshots.read([SILVER], (set) =>
        find(set, `topic = $topic AND "partition" = $partition AND "offset" = $offset::BIGINT`, {
          topic,
          partition,
          offset,
        }),
      ),

    accepted: (eventId) =>
      snapshots.read([SILVER], async (set) => {
        const [row] = await find(set, "outcome = 'accepted' AND event_id = $eventId", { eventId }, "accepted");
        return row ?? null;
      }),
  };
}

/** @param outcome the only one whose files can matter */
async function find(
  set: SnapshotSet,
  condition: string,
  parameters: Record<string, string | number>,
  outcome?: string,
): Promise<SilverRecord[]> {
  // A table that no run of this release has opened yet lacks the column.
  const hasOverrides = set.snapshot(SILVER)?.columns.some(({ name }) => name === "override") ?? false;
  const columns = ["topic", "partition", "offset", "outcome", "reasons", "event_id"];
  const relation = set.relation(
    SILVER,
    hasOverrides ? [...columns, "override"] : columns,
    (partition) => outcome === undefined || partition.outcome === outcome,
  );
  if (relation === undefined) return [];
  const rows = await set.query(`SELECT * FROM ${relation} WHERE ${condition}`, parameters);
  return rows.map((row) => ({
    topic: String(row.topic),
    partition: Number(row.partition),
    offset: String(row.offset),
    outcome: String(row.outcome),
    reasons: row.reasons as string[] | null,
    eventId: row.event_id as string | null,
    override: row.override == null ? null : Number(row.override),
  }));
}
