import type { SqlFailureKind, SqlFault } from "../../services/sql/ports.ts";

/** As DuckDB writes errors with `errors_as_json`. */
interface DuckDbError {
  exception_type: string;
  exception_message: string;
  /** bytes, as text */
  position?: string;
}

const KINDS: Record<string, SqlFailureKind | "interrupted"> = {
  "Out of Memory": "memory",
  INTERRUPT: "interrupted",
  Permission: "refused",
  IO: "unreadable",
  INTERNAL: "crashed",
  FATAL: "crashed",
};

/** Thrown in a worker for what DuckDB does not refuse itself. */
export class Refusal extends Error {
  readonly fault: SqlFault;

  constructor(fault: SqlFault) {
    super(fault.message);
    this.fault = fault;
  }
}

/**
 * Reads what went wrong.
 * @param hidden paths of this machine that no message may show
 * @returns `interrupted` after an interrupt
 */
export function faultOf(error: unknown, hidden: readonly string[]): SqlFault | "interrupted" {
  if (error instanceof Refusal) return error.fault;
  const text = error instanceof Error ? error.message : String(error);
  const { exception_type: type, exception_message: long, position } = parse(text);
  const message = hidden.reduce((shown, path) => shown.replaceAll(path, ""), long);
  const kind = kindOf(type, long);
  if (kind === "interrupted") return kind;
  if (kind === "invalid") {
    const at = position === undefined ? {} : { position: Number(position) };
    return { kind, message: type === "" ? message : `${type} Error: ${message}`, ...at };
  }
  return { kind, message };
}

/** @returns the error's text, with the place that it is about so many bytes further to the front */
export function movedBack(error: unknown, bytes: number): string {
  const text = error instanceof Error ? error.message : String(error);
  const fault = parse(text);
  if (fault.position === undefined) return text;
  return JSON.stringify({ ...fault, position: String(Math.max(0, Number(fault.position) - bytes)) });
}

function kindOf(type: string, message: string): SqlFailureKind | "interrupted" {
  if (/bad[ _]alloc/.test(message)) return "memory";
  if (type === "IO" && /No files found|No such file/.test(message)) return "vanished";
  if (type === "TransactionContext" && message.includes("read-only")) return "refused";
  // What is locked says so as a mistake in the input.
  if (message.includes("configuration has been locked")) return "refused";
  return KINDS[type] ?? "invalid";
}

/** Where the statement cannot even be split, the object stands behind words of the client library. */
function parse(text: string): DuckDbError {
  const start = text.indexOf('{"exception_type"');
  try {
    return JSON.parse(text.slice(start)) as DuckDbError;
  } catch {
    return { exception_type: "", exception_message: text.split("\n")[0] ?? "" };
  }
}
