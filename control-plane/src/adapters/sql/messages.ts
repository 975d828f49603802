import type { SqlFault, SqlResult, SqlTask } from "../../services/sql/ports.ts";

/** What the control plane tells a worker: one statement at a time. */
export type ToWorker = { kind: "run"; task: SqlTask } | { kind: "cancel" };

/** What a worker answers. `interrupted` comes instead of a fault after a cancel. */
export type FromWorker =
  | { kind: "ready" }
  /** the statement has come */
  | { kind: "begun" }
  | { kind: "done"; result: SqlResult }
  | { kind: "failed"; fault: SqlFault }
  | { kind: "interrupted" };
