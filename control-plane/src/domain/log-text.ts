/** A part of a log file; positions are bytes from its beginning. */
export interface LogPart {
  from: number;
  to: number;
  /** of the whole log */
  size: number;
  text: string;
}

/** Lines of a log with the bytes that they cover. */
export interface LogLines {
  from: number;
  to: number;
  lines: string[];
}

const HEADER = /^==== Bytes (\d+)-(\d+) of (\d+) of [^\n]* ====\n/;

/**
 * Reads what a Spark worker answers to `/log/`: a line with the range, then the text.
 * @returns null when it has no such log: it says so with status 200, an empty range and a text
 */
export function parseLogPage(body: string): LogPart | null {
  const header = HEADER.exec(body);
  if (header === null) return null;
  const [from, to, size] = header.slice(1).map(Number) as [number, number, number];
  const text = body.slice(header[0].length);
  if (from === to && text.trim() !== "") return null;
  return { from, to, size, text: from === to ? "" : text };
}

/**
 * The last lines of a part that reaches to the log's end. `to` is where to read on: a last line that is still being written is
 * read again from its beginning.
 * @param unfinished whether such a line is wanted
 */
export function lastLines({ from, to, text }: LogPart, most: number, unfinished: boolean): LogLines {
  // A part that begins within the log may begin within a line, even within a character.
  const begin = from === 0 ? 0 : text.indexOf("\n") + 1;
  const end = Math.max(begin, text.lastIndexOf("\n") + 1);
  const rest = text.slice(end);
  const whole = splitLines(text.slice(begin, end));
  const takesRest = unfinished && rest !== "" && most > 0;
  const left = takesRest ? most - 1 : most;
  const lines = left === 0 ? [] : whole.slice(-left);
  const onward = to - byteLength(rest);
  const begins = onward - lines.reduce((sum, line) => sum + byteLength(line) + 1, 0);
  return { from: begins, to: onward, lines: takesRest ? [...lines, rest] : lines };
}

/** The first lines of a part that begins where a line does; one that is not finished waits, unless nothing else is there and the part is full. */
export function firstLines({ from, to, text }: LogPart, most: number, full: boolean): LogLines {
  const end = text.lastIndexOf("\n") + 1;
  if (end === 0) return full ? { from, to, lines: splitLines(text) } : { from, to: from, lines: [] };
  const whole = text.slice(0, end);
  const lines = splitLines(whole).slice(0, most);
  const bytes = bytesOf(lines, whole);
  // Bytes that are no UTF-8 have become other characters: then only the part's end is a position that is known.
  const isExact = byteLength(text) === to - from;
  return { from, to: isExact ? from + bytes : to, lines };
}

function splitLines(text: string): string[] {
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

function bytesOf(lines: string[], text: string): number {
  if (lines.length === 0) return 0;
  const joined = byteLength(lines.join("\n"));
  return text.endsWith("\n") ? joined + 1 : joined;
}

function byteLength(text: string): number {
  return new TextEncoder().encode(text).length;
}
