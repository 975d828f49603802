import { Problem } from "../../domain/problem.ts";
import type { DiskFeasibility, KafkaFeasibility } from "../../domain/replay/feasibility.ts";
import type { GateResult } from "../../domain/replay/gates.ts";
import type { ReplayRow } from "./ports.ts";

/** What a replay is refused with; each says what to do instead. */

export function unknownReplay(id: string): Problem {
  return new Problem({
    status: 404,
    code: "unknown_replay",
    title: "No such replay",
    detail: `There is no replay ${id}.`,
    next: "GET /v1/replays lists them.",
  });
}

export function replayRunning({ id, job, state }: Pick<ReplayRow, "id" | "job" | "state">): Problem {
  return new Problem({
    status: 409,
    code: "replay_running",
    title: "Another replay has not ended",
    detail: `Replay ${id} of ${job} is ${state}; generations are made and exchanged one at a time.`,
    next: `Wait for it (GET /v1/replays/${id}), or give it up: POST /v1/replays/${id}/cancel.`,
  });
}

export function planChanged(expected: string, hash: string): Problem {
  return new Problem({
    status: 412,
    code: "plan_changed",
    title: "The plan is another one by now",
    detail: `The plan with the hash ${expected} does not hold any more; it would be ${hash} now. Nothing was begun.`,
    next: "Ask for the plan again with dryRun=true, look at what differs, and send its hash.",
  });
}

/** @param possible what can be done instead, as the end of "Possible is …" */
export function unsupportedReplay(what: string, possible: string): Problem {
  return new Problem({
    status: 422,
    code: "replay_unsupported",
    title: "The job cannot be replayed so",
    detail: `${what} Nothing was begun.`,
    next: `Possible is ${possible}.`,
  });
}

export function offsetsGone(silver: string, { missing }: KafkaFeasibility): Problem {
  const gone = missing.map(
    ({ partition, wanted, earliest, latest }) =>
      `partition ${partition}: ${wanted} (Kafka has ${earliest} to ${latest})`,
  );
  return new Problem({
    status: 422,
    code: "offsets_gone",
    title: "Kafka does not hold these records",
    detail: `The replay would begin with records that Kafka does not hold: ${gone.join("; ")}. Nothing was begun.`,
    next: `Bronze keeps every record as it came: replay ${silver} instead, which needs no Kafka. Or begin with offsets that Kafka holds; what lies before them is then missing in the new generation.`,
  });
}

export function schemaUnreadable(ids: readonly number[], subject: string): Problem {
  return new Problem({
    status: 422,
    code: "schema_unreadable",
    title: "Writers' schemas are gone",
    detail: `Records were written with schemas that the registry does not know any more: ids ${ids.join(", ")}. A replay could not decode them. Nothing was begun.`,
    next: `Register them again under the same ids (see GET /v1/schemas/${subject}), then plan again.`,
  });
}

export function noSpace({ needed, free, tables, copies }: DiskFeasibility): Problem {
  return new Problem({
    status: 422,
    code: "no_space",
    title: "The disk has no room for it",
    detail: `The replay needs ${needed} bytes (${tables} for tables, ${copies} for copies of what is read, and a rest for the live jobs), ${free} are free. Nothing was begun.`,
    next: "Free space, or delete a generation that is kept: GET /v1/generations lists them.",
  });
}

export function gatesFailed(id: string, failing: readonly GateResult[]): Problem {
  const isFinal = failing.some(({ overridable }) => !overridable);
  return new Problem({
    status: 409,
    code: "gates_failed",
    title: "Gates do not pass",
    detail: failing.map(({ gate, text }) => `${gate}: ${text}`).join(" "),
    next: isFinal
      ? `Figures of different records cannot be compared, and nobody can override that: see GET /v1/replays/${id}/diff.`
      : `Look at GET /v1/replays/${id}/diff. Where the changes are right, send {"overrideGates": {"reason": "why"}}.`,
  });
}

/** @param next what can be asked in this state */
export function notNow({ id, state, phase, reason }: ReplayRow, what: string, next: string): Problem {
  const where = phase === null ? state : `${state} (${phase})`;
  return new Problem({
    status: 409,
    code: "conflict",
    title: "The replay is not where this can be asked",
    detail: `Replay ${id} is ${where}${reason === null ? "" : `: ${reason}`}. ${what}`,
    next,
  });
}
