import { CATALOG } from "./catalog.ts";
import type { Outcome } from "./trial.ts";

/** What happened in one fault, for people who watch. */
export function describeOutcome(outcome: Outcome): string {
  const { timeline, secondsToRunning, longestLie, broken } = outcome;
  const back = secondsToRunning === null ? "not running again" : `running again after ${secondsToRunning.toFixed(1)} s`;
  const lie =
    longestLie.seconds === 0 ? "" : `, wrong for ${longestLie.seconds.toFixed(1)} s at most (${longestLie.what})`;
  return [
    `${broken.length === 0 ? "survived" : "BROKEN"}: ${back}, ${figures(outcome)}${lie}`,
    `  the API said: ${meanwhile(timeline)}`,
    ...broken.map((text) => `  ${text}`),
  ].join("\n");
}

const ROW = /^\| `([a-z-]+)` \|.*\|$/gm;
const COLUMNS = ["fault", "what happens", "the API said", "running", "wrong", "afterwards", "run"];

/**
 * The report on all faults as Markdown: what has just been run anew, the rest as it stands.
 * @param before the report so far; empty when there is none
 * @param date of this run
 */
export function faultReport(before: string, outcomes: readonly Outcome[], date: string): string {
  const rows = new Map([...before.matchAll(ROW)].map(([row, id]) => [id, row]));
  for (const outcome of outcomes) rows.set(outcome.fault.id, rowOf(outcome, date));
  const lines = CATALOG.map(({ id, what }) => rows.get(id) ?? line([`\`${id}\``, what, "", "", "", "not run yet", ""]));
  return `# Faults

Written by \`npm run test:faults -- --all --record\`; \`--only … --record\` writes the rows of what it runs anew. Each fault happens to a running stack under
traffic (40 events/s); afterwards every window and every count is compared with the oracle, the epochs in each Delta log may only rise, and at no moment may
two drivers of one application live. \`.ci/run\` lets a sample happen, which the commit chooses.

- **The API said**: what \`GET /v1/jobs\` answered, with the seconds since the fault began.
- **Running**: seconds from the fault to all jobs RUNNING for good; 0 where they never were anything else. Some faults last themselves: they say for how long.
- **Wrong**: the longest time in seconds for which the API contradicted what was true of processes and tables: RUNNING without a driver that works, or with nothing committed of what comes;
  STOPPED, FAILED, STARTING, WAITING or STALLED while the query commits. At most 10 are allowed.
- **Run**: the day of the run. Times are of two cores, and of what else they had to do.

${line(COLUMNS)}
${line(COLUMNS.map(() => "---"))}
${lines.join("\n")}
`;
}

function rowOf(outcome: Outcome, date: string): string {
  const { fault, timeline, secondsToRunning, longestLie, broken } = outcome;
  const verdict = broken.length === 0 ? figures(outcome) : `**${broken.join("; ").replaceAll("\n", " ")}**`;
  const running = secondsToRunning?.toFixed(1) ?? (fault.final ? "-" : "never");
  const wrong = longestLie.seconds.toFixed(1);
  return line([`\`${fault.id}\``, fault.what, meanwhile(timeline), running, wrong, verdict, date]);
}

function line(cells: string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("|", "/")).join(" | ")} |`;
}

function figures({ exact }: Outcome): string {
  return exact === null ? "nothing to compare" : exact ? "exact" : "not exact";
}

function meanwhile(timeline: Outcome["timeline"]): string {
  const shown = timeline.length > 14 ? [...timeline.slice(0, 8), null, ...timeline.slice(-5)] : timeline;
  return shown.map((entry) => (entry === null ? "…" : `${entry.at.toFixed(1)} ${entry.text}`)).join(" → ");
}
