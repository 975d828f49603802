// What of the REST API (docs/contracts.md §6) the tests of a whole stack look at.

/** An item of `GET /v1/jobs`. */
export interface JobStatus {
  id: string;
  state: string;
  desiredState: string;
  reason: string | null;
  epoch: number;
  generation: number;
  application: string;
  lastBatch: { id: string; at: string } | null;
}

/** `GET /v1/jobs/{job}/offsets`; offsets are strings. */
export interface JobOffsets {
  job: string;
  partitions: { partition: number; committed: string | null; latest: string | null; lagRecords: string | null }[];
  caughtUp: boolean;
}
