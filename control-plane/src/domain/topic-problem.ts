import type { TopicOffsets } from "./lag.ts";

/** Why a job cannot go on as it should, and the ways out. */
export interface SourceProblem {
  text: string;
  waysOut: string[];
}

/**
 * Compares where a job stands with what its topic holds. Offsets only rise, so a topic that ends below a job's position
 * is another topic of the same name.
 * @param topic without partitions when it does not exist
 * @param through next offset to be read, per partition
 * @returns null when they agree
 */
export function topicProblem(name: string, topic: TopicOffsets, through: Record<string, string>): SourceProblem | null {
  if (topic.size === 0) {
    return {
      text: `${name} does not exist. What was read of it is in the tables, and nothing of that is lost.`,
      waysOut: [
        "Restore the topic with its records and offsets from a mirror or a backup.",
        "Where it may be made anew: restart the control plane, which creates what the manifest declares; a job that has read the old one then has to begin anew, in another state folder or after npm run reset.",
      ],
    };
  }
  const positions = Object.entries(through).map(([partition, offset]) => ({
    partition,
    read: BigInt(offset),
    held: topic.get(Number(partition)),
  }));
  const ahead = positions.filter(({ read, held }) => held === undefined || held.latest < read);
  if (ahead.length > 0) {
    const where = ahead.map(({ partition, read, held }) =>
      held === undefined
        ? `partition ${partition} was read up to ${read} and is gone`
        : `partition ${partition} was read up to ${read} and ends at ${held.latest}`,
    );
    return {
      text: `${name} was deleted and made anew: ${where.join("; ")}. What was read is in the tables, and nothing of it is lost; records of the new topic are not read.`,
      waysOut: [
        "Restore the topic with its records and offsets from a mirror or a backup, then start the job.",
        "Begin anew: in another state folder (PENSTOCK_STATE_DIR), where the present tables stay as they are, or with npm run reset, which deletes them. Both read the new topic from its beginning.",
      ],
    };
  }
  const lost = positions.filter(({ read, held }) => held !== undefined && held.earliest > read);
  if (lost.length === 0) return null;
  const where = lost.map(
    ({ partition, read, held }) => `partition ${partition}: ${(held?.earliest ?? read) - read} records from ${read} on`,
  );
  return {
    text: `${name} no longer holds records that have not been read: ${where.join("; ")}. Retention removed them first.`,
    waysOut: [
      "Raise the topic's retention before anything else is removed.",
      "Restore the records from a mirror or a backup, then start the job.",
      "Begin anew, at the oldest record that is still there: in another state folder (PENSTOCK_STATE_DIR), where the present tables stay as they are, or with npm run reset, which deletes them.",
    ],
  };
}
