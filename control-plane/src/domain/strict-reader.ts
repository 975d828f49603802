import { DURATION_FORM, formatDuration, parseDuration } from "./duration.ts";

/** One thing that is wrong in a document, with the path to it. */
export interface Complaint {
  path: string;
  value?: unknown;
  expected: string;
}

/** A complaint as people read it. */
export function sentence({ path, value, expected }: Complaint): string {
  return `${path}: expected ${expected}${value === undefined ? "" : ` (got ${JSON.stringify(value)})`}`;
}

const DECIMAL = /^-?\d{1,18}(\.\d{1,9})?$/;

/**
 * Reads a parsed document field by field and collects what is wrong instead of stopping at the first mistake.
 * Wrong fields yield a harmless value; call {@link StrictReader.complaints} before using anything that was read.
 */
export class StrictReader {
  readonly path: string;
  readonly complaints: Complaint[];
  private readonly fields: Record<string, unknown>;
  private readonly known = new Set<string>();

  constructor(value: unknown, path = "", complaints: Complaint[] = []) {
    this.path = path;
    this.complaints = complaints;
    const isMap = typeof value === "object" && value !== null && !Array.isArray(value);
    if (!isMap) complaints.push({ path: path || "document", value, expected: "a map of keys to values" });
    this.fields = isMap ? (value as Record<string, unknown>) : {};
  }

  /** Adds a complaint about a field of this map. */
  complain(key: string, value: unknown, expected: string): void {
    this.complaints.push({ path: this.at(key), value, expected });
  }

  keys(): string[] {
    return Object.keys(this.fields);
  }

  has(key: string): boolean {
    return this.fields[key] !== undefined;
  }

  map(key: string): StrictReader {
    return new StrictReader(this.take(key), this.at(key), this.complaints);
  }

  /** Whether the field is this very text. */
  textIs(key: string, expected: string): boolean {
    return this.take(key) === expected;
  }

  text(key: string, pattern: RegExp = /\S/, expected = "a text"): string {
    const value = this.take(key);
    if (typeof value === "string" && pattern.test(value)) return value;
    this.complain(key, value, expected);
    return "";
  }

  oneOf<const T extends string>(key: string, choices: readonly T[]): T {
    const value = this.take(key);
    if (choices.includes(value as T)) return value as T;
    this.complain(key, value, `one of ${choices.join(", ")}`);
    return choices[0] as T;
  }

  wholeNumber(key: string, least: number, most: number = Number.MAX_SAFE_INTEGER): number {
    const value = this.take(key);
    if (Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most) return value as number;
    const limit = most === Number.MAX_SAFE_INTEGER ? `at least ${least}` : `${least} to ${most}`;
    this.complain(key, value, `a whole number, ${limit}`);
    return least;
  }

  number(key: string, least: number, most: number): number {
    const value = this.take(key);
    if (typeof value === "number" && value >= least && value <= most) return value;
    this.complain(key, value, `a number, ${least} to ${most}`);
    return least;
  }

  /** A number that keeps every digit: written as a number or as text. @returns text */
  decimal(key: string): string {
    const value = this.take(key);
    const text = typeof value === "number" ? String(value) : value;
    if (typeof text === "string" && DECIMAL.test(text)) return text;
    this.complain(key, value, "a number of at most 18 digits before and 9 after the point");
    return "0";
  }

  /** @returns milliseconds */
  duration(key: string, leastMs = 0, mostMs: number = Number.MAX_SAFE_INTEGER): number {
    const value = this.take(key);
    const ms = typeof value === "string" ? parseDuration(value) : undefined;
    if (ms !== undefined && ms >= leastMs && ms <= mostMs) return ms;
    const least = leastMs > 0 ? ", more than zero" : "";
    const most = mostMs === Number.MAX_SAFE_INTEGER ? "" : `, at most ${formatDuration(mostMs)}`;
    this.complain(key, value, `${DURATION_FORM}${least}${most}`);
    return leastMs;
  }

  texts(key: string): string[] {
    const value = this.take(key);
    if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
    this.complain(key, value, "a list of texts");
    return [];
  }

  /** A list of which each item must please. */
  items<T>(key: string, pleases: (item: unknown) => item is T, expected: string): T[] {
    const value = this.take(key);
    if (Array.isArray(value) && value.length > 0 && value.every(pleases)) return value;
    this.complain(key, value, `a list of ${expected}, at least one`);
    return [];
  }

  /** A list of maps, each with its place in its path. */
  maps(key: string): StrictReader[] {
    const value = this.take(key);
    if (Array.isArray(value)) {
      return value.map((item, index) => new StrictReader(item, `${this.at(key)}[${index}]`, this.complaints));
    }
    this.complain(key, value, "a list");
    return [];
  }

  /** Every key that nobody asked for, or that is not among those given, is a mistake: none must be ignored. */
  refuseUnknownKeys(known: Iterable<string> = this.known): void {
    const names = [...known];
    for (const key of this.keys().filter((name) => !names.includes(name))) {
      this.complain(key, undefined, `no such key; known here: ${names.join(", ")}`);
    }
  }

  private take(key: string): unknown {
    this.known.add(key);
    return this.fields[key];
  }

  private at(key: string): string {
    return this.path === "" ? key : `${this.path}.${key}`;
  }
}
