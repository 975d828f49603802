import type { OperationRow } from "./rows.ts";

/** What services write to the log; pino has this form. */
export interface Log {
  debug(data: object, text: string): void;
  info(data: object, text: string): void;
  warn(data: object, text: string): void;
  error(data: object, text: string): void;
  /** A log whose lines all carry these fields. */
  child(fields: object): Log;
}

/** For lines about an operation: they name it, its job or application, and the request that asked for it. */
export function operationLog(log: Log, { id, job, application, kind, requestId, requestedBy }: OperationRow): Log {
  return log.child({ operation: id, job, application, kind, requestId, by: requestedBy });
}
