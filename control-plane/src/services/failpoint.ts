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
export type FailpointName = (typeof FAILPOINTS)[number];

/** Called at each of these places; only a test that armed one notices. */
export type Failpoint = (name: FailpointName) => void;
