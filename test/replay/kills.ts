import { REPLAY_FAILPOINTS } from "../../control-plane/src/services/failpoint.ts";
import type { Stage } from "../faults/stage.ts";
import { MortalDrivers, type Patience } from "../stack/mortal-drivers.ts";
import { liveGenerations, type ReplayStatus, replayIs } from "../stack/replays.ts";
import { RestError } from "../stack/rest-client.ts";
import { driverProcesses } from "../stack/spark-driver.ts";
import { waitFor } from "../stack/wait-for.ts";

type Failpoint = (typeof REPLAY_FAILPOINTS)[number];
/** What a replay is asked for, and where it is then to come. */
type Move = "diff" | "promote" | "rollback" | "cancel";

const LEADS_TO = { diff: "diffed", promote: "promoted", rollback: "rolled_back", cancel: "cancelled" } as const;

/** Only a replay whose gates fail at the second comparison, or whose shadow job gives up, comes there. */
const OFF_THE_WAY: readonly Failpoint[] = ["replay-restored"];

/** Which step of which move the driver dies at: a state, or the phase while generations are exchanged. */
const DRIVER_STEPS: readonly (readonly [Move, string])[] = [
  ["diff", "diffing"],
  ["promote", "catching_up"],
  ["rollback", "catching_up"],
  ["promote", "draining"],
  ["rollback", "draining"],
  ["promote", "converging"],
  ["rollback", "converging"],
  ["promote", "verifying"],
  ["rollback", "stopping"],
  ["promote", "stopping"],
];

/** Where the control plane dies, and the driver at the same moment. */
const STEPS_OF_BOTH: readonly (readonly [Move, Failpoint])[] = [
  ["diff", "replay-aimed"],
  ["diff", "replay-compared"],
  ["promote", "replay-noted"],
  ["rollback", "replay-reopened"],
  ["promote", "replay-reading"],
  ["rollback", "replay-draining"],
  ["promote", "replay-certified"],
  ["rollback", "replay-halted"],
  ["promote", "replay-swapped"],
  ["rollback", "replay-started"],
  ["promote", "replay-saved"],
];

/** Replays whose control plane, driver, or both die at every step: each must end where it was to. */
export class ReplayKills {
  private readonly stage: Stage;
  private readonly patience: Patience;
  private readonly drivers: MortalDrivers;
  private readonly promise: (kept: boolean, otherwise: string) => void;

  /** @param promise told what must hold, and what is the case when it does not */
  constructor(stage: Stage, patience: Patience, promise: (kept: boolean, otherwise: string) => void) {
    this.stage = stage;
    this.patience = patience;
    this.promise = promise;
    this.drivers = new MortalDrivers(stage.stack, patience);
  }

  async run(): Promise<void> {
    await this.controlPlaneAtEveryStep();
    const id = await this.fresh("driver", () => this.killDriverAt("running"));
    for (const [move, step] of DRIVER_STEPS) await this.under(id, move, step, () => this.killDriverAt(step, id));
    const other = await this.fresh("control plane and driver", () => this.killBothAt("replay-created"));
    for (const [move, point] of STEPS_OF_BOTH) await this.under(other, move, point, () => this.killBothAt(point));
  }

  /** One replay all the way, and one that is cancelled: the control plane dies once at each place on it. */
  private async controlPlaneAtEveryStep(): Promise<void> {
    const points = REPLAY_FAILPOINTS.filter((point) => !OFF_THE_WAY.includes(point));
    for (const point of points) this.stage.arm(point);
    const id = await this.begin();
    await this.comesTo(id, "diffed");
    for (const move of ["promote", "rollback", "promote"] as const) await this.move(id, move);
    const cancelled = await this.begin();
    await this.comesTo(cancelled, "diffed");
    await this.move(cancelled, "cancel");
    const untouched = points.filter((point) => this.stage.isArmed(point));
    this.promise(untouched.length === 0, `the control plane never came to ${untouched.join(", ")}`);
    this.stage.tell(`The control plane died at ${points.length - untouched.length} steps`);
  }

  /** A new replay, something of which dies while it reads. @returns its id */
  private async fresh(victim: string, kill: () => Promise<string>): Promise<string> {
    await this.drivers.mayDie();
    const killed = kill();
    const id = await this.begin();
    this.stage.tell(`${victim}: ${await killed}`);
    await this.comesTo(id, "diffed");
    return id;
  }

  private async under(id: string, move: Move, step: string, kill: () => Promise<string>): Promise<void> {
    await this.drivers.mayDie();
    const [killed] = await Promise.all([kill(), this.move(id, move)]);
    this.stage.tell(`${move}, ${step}: ${killed}`);
  }

  /** @returns the id of a replay of silver from the beginning; also when the control plane dies before it has answered */
  private async begin(): Promise<string> {
    const { rest } = this.stage.stack;
    const gates = { maxWindowsChanged: 0, maxRecordsChanged: 0 };
    // Whoever starts from nothing is behind: the shadow jobs are not to wait for that as well.
    const liveLagBound = "5m";
    return await this.stage.until<string>("a replay to be begun", async () => {
      try {
        return (await rest.post<ReplayStatus>("/v1/replays", {}, { job: "sales.silver", gates, liveLagBound })).id;
      } catch (error) {
        if (!(error instanceof RestError) || error.status !== 409) throw error;
        const { items } = await rest.get<{ items: ReplayStatus[] }>("/v1/replays", { limit: 1 });
        return items[0]?.id ?? { pending: error.message };
      }
    });
  }

  private async move(id: string, move: Move): Promise<void> {
    const from = await this.status(id);
    await this.stage.until(`${move} to be taken`, async () => {
      try {
        await this.stage.stack.rest.post(`/v1/replays/${id}/${move}`);
        return true;
      } catch (error) {
        // Taken, and not answered: the control plane died in between.
        if (error instanceof RestError && error.status === 409) {
          const { state } = await this.status(id);
          if (state !== from.state) return true;
        }
        throw error;
      }
    });
    await this.comesTo(id, LEADS_TO[move]);
  }

  private async comesTo(id: string, state: string): Promise<void> {
    const { stack, tell } = this.stage;
    await replayIs(stack, id, state, this.patience.timeout, this.patience.signal);
    const live = await this.stage.until("the generations", () => liveGenerations(stack));
    this.promise(live.length === 1, `${live.length} generations are live at ${state}`);
    tell(`${state}: generation ${live.join(", ")} is live`);
  }

  /** @param id of the replay that gets there; left out: the newest */
  private async killDriverAt(step: string, id?: string): Promise<string> {
    const seen = await this.wait(`the replay to be ${step}`, async () => {
      const { state, phase } = id === undefined ? await this.newest() : await this.status(id);
      return state === step || phase === step || { pending: `${state} ${phase ?? ""}` };
    });
    return seen === true ? await this.killDriver() : seen;
  }

  private async killBothAt(point: Failpoint): Promise<string> {
    this.stage.arm(point);
    const seen = await this.wait(`the control plane to come to ${point}`, async () => {
      return !this.stage.isArmed(point) || { pending: "not there yet" };
    });
    this.promise(seen === true, String(seen));
    return seen === true ? `the control plane died, and ${await this.killDriver()}` : seen;
  }

  /** Some steps are over within milliseconds: then nothing dies at them, and that is said. */
  private async wait(what: string, look: () => Promise<true | { pending: unknown }>): Promise<true | string> {
    const wait = { timeout: this.patience.timeout, what, interval: 50, signal: this.patience.signal };
    return await waitFor<true>(look, wait).catch((error: Error) => error.message);
  }

  private async killDriver(): Promise<string> {
    // Between two generations no job may run, and so no driver.
    if (driverProcesses(this.stage.stack.stateDir).length === 0) return "there was no driver";
    const killed = await this.drivers.kill();
    await this.drivers.gone(killed);
    return `kill -9 of the driver, ${killed.map(({ pid }) => pid).join(", ")}`;
  }

  private async status(id: string): Promise<ReplayStatus> {
    return await this.stage.until("the replay", () => this.stage.stack.rest.get<ReplayStatus>(`/v1/replays/${id}`));
  }

  private async newest(): Promise<Pick<ReplayStatus, "state" | "phase">> {
    const { items } = await this.stage.stack.rest.get<{ items: ReplayStatus[] }>("/v1/replays", { limit: 1 });
    return items[0] ?? { state: "none", phase: null };
  }
}
