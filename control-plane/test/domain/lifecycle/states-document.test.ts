import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { formatDuration } from "../../../src/domain/duration.ts";
import { JOB_STATE_MEANINGS, RULES } from "../../../src/domain/lifecycle/job.ts";
import { LAUNCH_PHASES } from "../../../src/domain/lifecycle/launch.ts";
import { PROGRESS_LIMIT } from "../../../src/domain/lifecycle/progress-limit.ts";
import { REPLAY_ACTIONS } from "../../../src/domain/replay/facts.ts";
import { REPLAY_REQUESTS, REPLAY_STATE_MEANINGS, SWITCH_PHASE_MEANINGS } from "../../../src/domain/replay/state.ts";
import { REPLAY_RULES } from "../../../src/domain/replay/steps.ts";

const DOCUMENT = fileURLToPath(new URL("../../../../docs/states.md", import.meta.url));

const STEPS = { none: "", openRun: "opens a run with the next epoch", closeRun: "closes the run" } as const;

function table(head: string[], rows: string[][]): string {
  return [head, head.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function document(): string {
  return `# States

Written from the code by a test, which fails when the two differ: \`npx vitest run --project unit states-document -u\`
writes it anew.

## Jobs

${table(
  ["state", "meaning"],
  Object.entries(JOB_STATE_MEANINGS).map(([state, text]) => [`\`${state}\``, text]),
)}

Twice a second, and at once when a runner or a request brings news, each job's rules are read from the top: the first that holds decides the state
and the next step. A step can be interrupted anywhere and is repeated; a run that has ended is closed before anything else, and nothing is opened while an
old run may still write.

${table(
  ["", "rule", "holds when", "state", "step"],
  RULES.map(({ id, when, state, action }, index) => [
    String(index + 1),
    `\`${id}\``,
    when,
    `\`${state}\``,
    STEPS[action],
  ]),
)}

The time limit follows the query: ${PROGRESS_LIMIT.factor} times the longest of the last batches of its run, at least ${formatDuration(PROGRESS_LIMIT.leastMs)} and at most ${formatDuration(PROGRESS_LIMIT.mostMs)}, which is also what holds before a
batch of the run is known; and its trigger on top. A query that has nothing to do says so every second, so only a batch can be silent for longer.

## Applications

Each submission of an application is a launch. It is recorded before it is made, and a new one is recorded only when the old one is known to be dead.

${table(
  ["phase", "when"],
  Object.entries(LAUNCH_PHASES).map(([phase, text]) => [`\`${phase}\``, text]),
)}

## Replays

${table(
  ["state", "meaning"],
  Object.entries(REPLAY_STATE_MEANINGS).map(([state, text]) => [`\`${state}\``, text]),
)}

While generations are exchanged (\`promoting\`, \`rolling_back\`) the phase says how far that is.

${table(
  ["phase", "meaning"],
  Object.entries(SWITCH_PHASE_MEANINGS).map(([phase, text]) => [`\`${phase}\``, text]),
)}

What people can ask of a replay:

${table(
  ["request", "in these states", "leads to"],
  Object.entries(REPLAY_REQUESTS).map(([kind, { from, to }]) => [
    `\`${kind}\``,
    from.map((state) => `\`${state}\``).join(", "),
    `\`${to}\``,
  ]),
)}

\`resume\` leads to where the replay goes on: a roll back or a repeated promotion that failed is begun again. A \`cancel\` leads on to \`promoted\` or \`rolled_back\`
where the replay's generation was live before; it is refused once generations are being exchanged (\`swapping\`, \`starting\`).

The control plane that decides looks at each replay twice a second. Of the rules for its state (and phase), the first that holds decides what is done and where the replay
stands after it. What is done may have been done before: whoever comes after a crash does it again.

${table(
  ["", "rule", "in", "holds when", "step", "leads to"],
  REPLAY_RULES.map((rule, index) => [
    String(index + 1),
    `\`${rule.id}\``,
    [...rule.in, ...(rule.phases ?? [])].map((name) => `\`${name}\``).join(", "),
    rule.when,
    REPLAY_ACTIONS[rule.action],
    [typeof rule.state === "function" ? "its end" : rule.state, rule.phase ?? undefined]
      .filter((name) => name !== undefined)
      .map((name) => (name === "its end" ? name : `\`${name}\``))
      .join(", "),
  ]),
)}
`;
}

describe("docs/states.md", () => {
  it("says what the code does", async () => {
    await expect(document()).toMatchFileSnapshot(DOCUMENT);
  });

  it("names each state that a rule can lead to, and no other", () => {
    const reachable = new Set<string>(RULES.map(({ state }) => state));
    expect([...reachable].sort()).toEqual(Object.keys(JOB_STATE_MEANINGS).sort());
  });

  it("names each rule once", () => {
    expect(new Set(RULES.map(({ id }) => id)).size).toBe(RULES.length);
  });
});
