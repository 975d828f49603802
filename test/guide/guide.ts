import { readFileSync } from "node:fs";
import { join } from "node:path";
import { CHECKOUT } from "../../infra/local/src/root.ts";

/** A command of docs/api.md and the answer that stands below it. */
export interface Example {
  /** line of the command in the guide */
  line: number;
  command: string;
  status: number;
  headers: Record<string, string>;
  /** text, or JSON as it was parsed */
  body: unknown;
}

/** A row of the guide's table of problems. */
export interface ProblemRow {
  code: string;
  status: number;
  meaning: string;
}

const FENCED = /^```(sh|http)\n(.*?)^```$/gms;

/** The guide to the API as it stands in the checkout. */
export function readGuide(): { examples: Example[]; problems: ProblemRow[] } {
  const text = readFileSync(join(CHECKOUT, "docs", "api.md"), "utf8");
  return { examples: readExamples(text), problems: readProblems(text) };
}

function readExamples(text: string): Example[] {
  const blocks = [...text.matchAll(FENCED)].map((match) => ({
    language: match[1],
    text: match[2] ?? "",
    line: text.slice(0, match.index).split("\n").length + 1,
  }));
  return blocks.flatMap(({ language, text: command, line }, index) => {
    if (language !== "sh") return [];
    const answer = blocks[index + 1];
    if (answer?.language !== "http")
      throw new Error(`docs/api.md:${line}: no \`\`\`http block with the answer follows`);
    return [{ line, command: command.trim(), ...readAnswer(answer.text, answer.line) }];
  });
}

function readAnswer(text: string, line: number): Pick<Example, "status" | "headers" | "body"> {
  const [head = "", ...rest] = text.split("\n\n");
  const [statusLine = "", ...headerLines] = head.trim().split("\n");
  const status = Number(/^HTTP\/1\.1 (\d{3})\b/.exec(statusLine)?.[1]);
  if (Number.isNaN(status)) throw new Error(`docs/api.md:${line}: no status line: ${statusLine}`);
  const headers = Object.fromEntries(
    headerLines.map((it) => {
      const [name = "", value = ""] = it.split(/: (.*)/);
      return [name.toLowerCase(), value];
    }),
  );
  const body = rest.join("\n\n").trim();
  try {
    return { status, headers, body: /^[{[]/.test(body) ? JSON.parse(body) : body };
  } catch (error) {
    throw new Error(`docs/api.md:${line}: ${(error as Error).message}`);
  }
}

function readProblems(text: string): ProblemRow[] {
  return [...text.matchAll(/^\| (\d{3}) \| `(\w+)` \| (.+) \|$/gm)].map(([, status, code = "", meaning = ""]) => ({
    code,
    status: Number(status),
    meaning,
  }));
}

/**
 * What an answer of the guide has and a real one lacks, as paths. Values differ; of a list only the first items are compared,
 * and nothing is where one of the two is null.
 */
export function missingFields(documented: unknown, real: unknown, path = ""): string[] {
  if (Array.isArray(documented) && Array.isArray(real)) {
    if (documented.length === 0 || real.length === 0) return [];
    return missingFields(documented[0], real[0], `${path}[]`);
  }
  if (!isObject(documented) || !isObject(real)) return [];
  return Object.entries(documented).flatMap(([name, value]) =>
    name in real ? missingFields(value, real[name], `${path}.${name}`) : [`${path}.${name}`],
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
