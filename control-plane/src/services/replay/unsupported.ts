import type { ReplayBody } from "../../domain/replay/request.ts";
import { type JobSpec, JUDGES } from "../../domain/specs/job-spec.ts";
import type { JobRow } from "../rows.ts";
import { unsupportedReplay } from "./refusals.ts";

/** @throws Problem `replay_unsupported`, which says what is possible */
export function refuseUnsupported(body: ReplayBody, { id, spec }: JobRow): void {
  const possible = possibleReplays(id, spec);
  if (body.to !== undefined && spec.kind !== JUDGES) {
    const why = `${id} judges no records: it has no rules that could end, and without what comes later its tables would lack it.`;
    throw unsupportedReplay(
      `A replay of ${id} that ends before the present (\`to\`) is not possible: ${why}`,
      possible,
    );
  }
  const from = Object.keys(body.from ?? {})[0] ?? "beginning";
  if (from === "beginning" || spec.kind === JUDGES) return;
  if (spec.reads.length > 0) {
    const why = `${id} adds up what it reads; what it has made before a cut cannot be told from what it makes after it.`;
    throw unsupportedReplay(`A replay of ${id} from the middle (\`from.${from}\`) is not possible: ${why}`, possible);
  }
  if (from === "version") {
    throw unsupportedReplay(`${id} reads the topic, which has no versions (\`from.version\`).`, possible);
  }
}

/** As the end of "Possible is …". */
function possibleReplays(id: string, { kind, reads }: JobSpec): string {
  if (reads.length === 0) {
    return `a replay of ${id} from the beginning, from a timestamp or from offsets that Kafka holds, up to now`;
  }
  if (kind !== JUDGES) {
    return `a replay of ${id} from the beginning, up to now, which reads all that is there: {"from": {"beginning": true}}`;
  }
  return `a replay of ${id} from the beginning, from a timestamp, from offsets or from a version of what it reads, up to now or with rules that end (\`to\`)`;
}
