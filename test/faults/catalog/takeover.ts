import { spawn } from "node:child_process";
import { join } from "node:path";
import { environmentOf } from "../../../infra/local/src/processes.ts";
import { CHECKOUT } from "../../../infra/local/src/root.ts";
import type { JobStatus } from "../../stack/resources.ts";
import { type Fault, must } from "../fault.ts";
import type { Stage } from "../stage.ts";

/** Longer than a silent runner's processes are left alone. */
const STAYS_MS = 40_000;

/** Faults in which another control plane takes over: the jobs go on in the runs that they are in. */
export const takeoverFaults: Fault[] = [
  {
    id: "second-control-plane",
    long: true,
    what: "the first control plane is killed for good and a second one at another address takes over; later it goes back",
    unharmed: true,
    async happen(stage) {
      const launches = (await stage.launches()).length;
      const isAsBefore = await asBefore(stage);
      const own = stage.stack.settings.ports.controlPlane;
      const another = own + 1_000;
      const first = stage.service("control-plane");
      const second = anotherLike(stage, another)();
      try {
        await stage.until("the second to stand by", () => standsBy(another));
        stage.send("SIGKILL", first);
        await stage.ask("control-plane", "stop");
        await stage.until("the second to decide, with the jobs as they were", () => isAsBefore(another));
        // A runner that did not call would be taken for frozen, killed and replaced by then.
        await stage.lasts(STAYS_MS);
        await stage.until("the jobs to be as they were after a while", () => isAsBefore(another));
        await stage.ask("control-plane", "start");
        await stage.until("the first to stand by", () => standsBy(own));
      } finally {
        await second.stop();
        await stage.ask("control-plane", "start");
      }
      await stage.until("the first to decide again, with the jobs as they were", () => isAsBefore(own));
      must((await stage.launches()).length === launches, "an application was submitted again");
    },
  },
  {
    id: "takeover-unannounced",
    long: true,
    what: "the control plane is killed for good; one that never stood by starts at another address and takes over",
    unharmed: true,
    async happen(stage) {
      const launches = (await stage.launches()).length;
      const isAsBefore = await asBefore(stage);
      const own = stage.stack.settings.ports.controlPlane;
      // Not the port of another fault: runners remember who was there.
      const another = own + 2_000;
      const first = stage.service("control-plane");
      const start = anotherLike(stage, another);
      stage.send("SIGKILL", first);
      await stage.ask("control-plane", "stop");
      const second = start();
      try {
        await stage.until("the stranger to decide, with the jobs as they were", () => isAsBefore(another));
        await stage.lasts(STAYS_MS);
        await stage.until("the jobs to be as they were after a while", () => isAsBefore(another));
      } finally {
        await second.stop();
        await stage.ask("control-plane", "start");
      }
      await stage.until("the first to decide again, with the jobs as they were", () => isAsBefore(own));
      must((await stage.launches()).length === launches, "an application was submitted again");
    },
  },
];

/** @returns what starts one more control plane, at another address, with the environment that the present one has now */
function anotherLike(stage: Stage, port: number): () => { stop(): Promise<void> } {
  const pid = stage.service("control-plane")[0]?.pid ?? 0;
  const environment = Object.fromEntries(environmentOf(pid));
  return () => {
    const another = spawn(process.execPath, [join(CHECKOUT, "control-plane", "src", "main.ts")], {
      env: { ...environment, PENSTOCK_PORT: String(port) },
      stdio: "ignore",
    });
    const ended = new Promise((resolve) => another.once("exit", resolve));
    return {
      async stop() {
        another.kill("SIGTERM");
        await ended;
      },
    };
  };
}

/** @returns whether the control plane at a port decides, and has every job in the run that it is in now */
async function asBefore(stage: Stage): Promise<(port: number) => Promise<true | { pending: unknown }>> {
  const epochs = await stage.epochs();
  return async (port) => {
    const [text, now] = [await leadershipAt(port), await runningEpochs(port)];
    return (text === "decides" && JSON.stringify(now) === JSON.stringify(epochs)) || { pending: { text, now } };
  };
}

async function standsBy(port: number): Promise<true | { pending: string }> {
  const text = await leadershipAt(port);
  return text.includes("another control plane works on this database") || { pending: text };
}

/** Empty while it does not answer. */
async function leadershipAt(port: number): Promise<string> {
  const answer = await askAt<{ checks: { name: string; text: string }[] }>(port, "/readyz");
  return answer?.checks.find(({ name }) => name === "leadership")?.text ?? "";
}

/** Epochs of the jobs that are RUNNING, as one control plane says. */
async function runningEpochs(port: number): Promise<Record<string, number>> {
  const { items } = (await askAt<{ items: JobStatus[] }>(port, "/v1/jobs")) ?? { items: [] };
  return Object.fromEntries(items.filter(({ state }) => state === "RUNNING").map(({ id, epoch }) => [id, epoch]));
}

/** null while it does not answer */
async function askAt<T>(port: number, path: string): Promise<T | null> {
  const response = await fetch(`http://127.0.0.1:${port}${path}`).catch(() => null);
  return response === null ? null : ((await response.json()) as T);
}
