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

/** The report of the full matrix as Markdown. */
export function faultReport(outcomes: readonly Outcome[], date: string, machine: string): string {
  const rows = outcomes.map((outcome) => {
    const { fault, timeline, secondsToRunning, longestLie, broken } = outcome;
    const verdict = broken.length === 0 ? figures(outcome) : `**${broken.join("; ").replaceAll("\n", " ")}**`;
    const running = secondsToRunning?.toFixed(1) ?? (fault.final ? "-" : "never");
    const cells = [`\`${fault.id}\``, fault.what, meanwhile(timeline), running, longestLie.seconds.toFixed(1), verdict];
    return `| ${cells.map((cell) => cell.replaceAll("|", "/")).join(" | ")} |`;
  });
  return `# Faults

Written by \`npm run test:faults -- --all --record\` on ${date}, ${machine}. Each fault happens to a running stack under traffic (40 events/s);
afterwards every window and every count is compared with the oracle, the epochs in each Delta log may only rise, and at no moment may
two drivers of one application live. \`.ci/run\` lets a sample happen, chosen by a seed that it prints.

- **The API said**: what \`GET /v1/jobs\` answered, with the seconds since the fault began.
- **Running**: seconds from the fault to all jobs RUNNING for good; 0 where they never were anything else. Some faults last themselves: they say for how long.
- **Wrong**: the longest time in seconds for which the API contradicted what was true of processes and tables; at most 10 are allowed.

| fault | what happens | the API said | running | wrong | afterwards |
|---|---|---|---|---|---|
${rows.join("\n")}
`;
}

function figures({ exact }: Outcome): string {
  return exact === null ? "nothing to compare" : exact ? "exact" : "not exact";
}

function meanwhile(timeline: Outcome["timeline"]): string {
  const shown = timeline.length > 14 ? [...timeline.slice(0, 8), null, ...timeline.slice(-5)] : timeline;
  return shown.map((entry) => (entry === null ? "…" : `${entry.at.toFixed(1)} ${entry.text}`)).join(" → ");
}
