import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** What a curl command of the guide asks for. */
export interface CurlRequest {
  method: string;
  url: string;
  headers: [name: string, value: string][];
  body: string | undefined;
  /** seconds after which it gives up, as it has to on a stream */
  maxTime: number | undefined;
}

export interface Answer {
  status: number;
  headers: Headers;
  body: string;
}

const PATIENCE_S = 90;
/** What curl ends with when --max-time is over. */
const OPERATION_TIMEDOUT = 28;

/**
 * Reads a curl command.
 * @param value the values of shell variables
 * @throws when it is no curl command or has an option that is not known here
 */
export function readCurl(command: string, value: (variable: string) => string): CurlRequest {
  const [program, ...words] = splitWords(command, value);
  if (program !== "curl") throw new Error(`No curl command: ${command}`);
  const request: CurlRequest = { method: "", url: "", headers: [], body: undefined, maxTime: undefined };
  const next = () => words.shift() ?? "";
  for (let word = words.shift(); word !== undefined; word = words.shift()) {
    if (word === "-X") request.method = next();
    else if (word === "-H") request.headers.push(readHeader(next()));
    else if (word === "-d") request.body = next();
    else if (word === "--max-time") request.maxTime = Number(next());
    else if (word.startsWith("-") && word !== "-N") throw new Error(`The guide's test does not know curl's ${word}`);
    else if (!word.startsWith("-")) request.url = word;
  }
  request.method ||= request.body === undefined ? "GET" : "POST";
  return request;
}

/** Runs a command in bash, by the curl that is installed. */
export async function runInShell(command: string, environment: NodeJS.ProcessEnv): Promise<Answer> {
  const { maxTime } = readCurl(command, (name) => environment[name] ?? "");
  const script = `curl() { command curl -sS -i --max-time ${PATIENCE_S} "$@"; }\n${command}`;
  const { stdout } = await promisify(execFile)("bash", ["-c", script], { env: environment }).catch((error) => {
    if (error.code === OPERATION_TIMEDOUT && maxTime !== undefined) return error as { stdout: string };
    throw new Error(`${command}\n${error.stderr || error.message}`);
  });
  const end = stdout.indexOf("\r\n\r\n");
  const [statusLine = "", ...lines] = stdout.slice(0, end).split("\r\n");
  return {
    status: Number(statusLine.split(" ")[1]),
    headers: new Headers(lines.map(readHeader)),
    body: stdout.slice(end + 4),
  };
}

/** Makes the same request without bash and curl. */
export async function runByFetch(command: string, environment: NodeJS.ProcessEnv): Promise<Answer> {
  const { url, method, headers, body, maxTime } = readCurl(command, (name) => environment[name] ?? "");
  const response = await fetch(url, {
    method,
    headers,
    ...(body === undefined ? {} : { body }),
    signal: AbortSignal.timeout((maxTime ?? PATIENCE_S) * 1_000),
  });
  const decoder = new TextDecoder();
  let text = "";
  try {
    for await (const chunk of response.body ?? []) text += decoder.decode(chunk, { stream: true });
  } catch (error) {
    if (maxTime === undefined) throw error;
  }
  return { status: response.status, headers: response.headers, body: text };
}

/** Whether bash and curl are there. */
export async function hasCurl(): Promise<boolean> {
  return await promisify(execFile)("bash", ["-c", "command -v curl"]).then(
    () => true,
    () => false,
  );
}

/** Words as a shell splits them: quotes, escapes and variables; nothing else that a shell can do. */
function splitWords(command: string, value: (variable: string) => string): string[] {
  const words: string[] = [];
  const token = /\\\n|\s+|'([^']*)'|"((?:\\.|[^"\\])*)"|\\(.)|\$(\w+)|([^\s'"\\$]+)/gsy;
  const expand = (text: string) => text.replace(/\\(["\\$`])|\$(\w+)/g, (_, escaped, name) => escaped ?? value(name));
  let isInWord = false;
  for (const match of command.trim().matchAll(token)) {
    const [whole, single, double, escaped, variable, plain] = match;
    if (/^(\\\n|\s+)$/.test(whole)) {
      isInWord = false;
      continue;
    }
    const text =
      single ?? (double === undefined ? undefined : expand(double)) ?? escaped ?? plain ?? value(variable ?? "");
    if (isInWord) words.push(`${words.pop()}${text}`);
    else words.push(text);
    isInWord = true;
  }
  return words;
}

function readHeader(line: string): [name: string, value: string] {
  const colon = line.indexOf(":");
  return [line.slice(0, colon).trim(), line.slice(colon + 1).trim()];
}
