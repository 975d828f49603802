/** Between "recorded" and "done", and once within a transaction: where a crash must lose nothing and double nothing. */
export const FAILPOINTS = [
  "operation-saving",
  "operation-requested",
  "launch-recorded",
  "launch-submitting",
  "launch-submitted",
  "launch-adopted",
  "launch-ended",
  "run-opened",
  "run-stopping",
  "run-closed",
  "operation-advanced",
  "publication-sent",
  "publication-marked",
  "publication-committed",
] as const;

/** The same for replays: after each kind of step and before it is saved, and after each that is saved. */
export const REPLAY_FAILPOINTS = [
  "replay-recorded",
  "replay-created",
  "replay-reading",
  "replay-halted",
  "replay-aimed",
  "replay-compared",
  "replay-noted",
  "replay-reopened",
  "replay-draining",
  "replay-certified",
  "replay-restored",
  "replay-swapped",
  "replay-started",
  "replay-withdrawn",
  "replay-saved",
] as const;
export type FailpointName = (typeof FAILPOINTS)[number] | (typeof REPLAY_FAILPOINTS)[number];

/** Called at each of these places; only a test that armed one notices. */
export type Failpoint = (name: FailpointName) => void;
