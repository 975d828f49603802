import { Problem } from "../domain/problem.ts";

/** So many logs of one kind are followed at once, at most. */
export const MOST_LOG_STREAMS = 16;

/** @param instead what somebody can do who finds no room, as the end of a sentence */
export function tooManyLogStreams(instead: string): Problem {
  return new Problem({
    status: 503,
    code: "too_many_streams",
    title: "No more log streams",
    detail: `${MOST_LOG_STREAMS} logs are being followed already, the most that is allowed.`,
    next: `End one of them, or ${instead}.`,
  });
}
