import { spawn } from "node:child_process";
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { endProcesses, stackProcesses } from "../../infra/local/src/leftovers.ts";
import { CHECKOUT } from "../../infra/local/src/root.ts";
import { controlPlaneUrl } from "../../infra/local/src/services/control-plane.ts";
import { registryUrl } from "../../infra/local/src/services/schema-registry.ts";
import { readSettings, type Settings } from "../../infra/local/src/settings.ts";
import { runningSupervisor, stateFolder } from "../../infra/local/src/state-folder.ts";
import { freePortOffset } from "./free-ports.ts";
import { RestClient } from "./rest-client.ts";

/** How a test's own stack differs from the standard one. */
export interface StackOptions {
  /** names the state folder */
  name: string;
  /** path of the pipeline manifest, from the root of the checkout; the standard one when left out */
  manifest?: string;
  /** more environment, such as PENSTOCK_SERVICES */
  environment?: Record<string, string>;
  /** folder, below the state folder, in which failpoints can be armed */
  failpoints?: string;
  /** sees what the launcher says; left out, that goes to stderr */
  onOutput?: (text: string) => void;
}

/** How to leave a stack. */
export interface Leave {
  /** the test failed: logs are kept */
  failed?: boolean;
  /** leaves everything running, to be looked at */
  keep?: boolean;
  /** nothing of it is wanted any more, and somebody waits: no job is drained */
  atOnce?: boolean;
}

const LEFTOVERS_PATIENCE_MS = 5_000;
const KEPT_ON_FAILURE = ["logs", "spark"];

/** A whole stack of its own: own state folder, own ports, no demo producer; installed software is shared. */
export class Stack {
  readonly settings: Settings;
  /** what the launcher, and programs that talk to this stack, get as environment */
  readonly environment: NodeJS.ProcessEnv;
  readonly rest: RestClient;
  readonly url: string;
  readonly registryUrl: string;
  readonly brokers: string[];
  private readonly onOutput: ((text: string) => void) | undefined;

  private constructor(environment: NodeJS.ProcessEnv, onOutput?: (text: string) => void) {
    this.environment = environment;
    this.settings = readSettings(environment);
    this.url = controlPlaneUrl(this.settings);
    this.registryUrl = registryUrl(this.settings);
    this.brokers = [`${this.settings.host}:${this.settings.ports.kafka}`];
    this.rest = new RestClient(this.url);
    this.onOutput = onOutput;
  }

  /**
   * Prepares a stack without starting it: {@link Stack.up} does.
   * @throws when no ports are free
   */
  static async prepare(options: StackOptions): Promise<Stack> {
    const home = readSettings(process.env).home;
    // What belongs to a stack of the user must not leak into this one; where software is installed does not change.
    const inherited = Object.entries(process.env).filter(
      ([name]) => !name.startsWith("PENSTOCK_") || ["PENSTOCK_HOME", "PENSTOCK_RUNTIME_DIR"].includes(name),
    );
    const stateDir = join(home, "stacks", `${options.name}-${process.pid}`);
    mkdirSync(stateDir, { recursive: true });
    const environment = {
      ...Object.fromEntries(inherited),
      PENSTOCK_STATE_DIR: stateDir,
      PENSTOCK_PORT_OFFSET: String(await freePortOffset()),
      PENSTOCK_PRODUCER_RATE: "0",
      ...(options.manifest === undefined ? {} : { PENSTOCK_MANIFEST: options.manifest }),
      ...(options.failpoints === undefined ? {} : { PENSTOCK_FAILPOINT_DIR: join(stateDir, options.failpoints) }),
      ...options.environment,
    };
    return new Stack(environment, options.onOutput);
  }

  /** A stack that somebody else has prepared and takes down, by its {@link Stack.environment}. */
  static attach(environment: NodeJS.ProcessEnv): Stack {
    return new Stack(environment);
  }

  get stateDir(): string {
    return this.settings.stateDir;
  }

  /**
   * Starts the stack and waits until all services are ready.
   * @param signal gives up waiting; what has started until then is for {@link Stack.leave}
   * @throws with what the launcher said when it fails
   */
  async up(signal?: AbortSignal): Promise<void> {
    await this.launch("up", signal);
  }

  /** Stops the stack, leaving its state, so that {@link Stack.up} continues from there. */
  async down(): Promise<void> {
    await this.launch("down");
  }

  /**
   * Stops what runs and removes the state folder, whatever state they are in.
   * @returns a sentence about what was left on purpose, if anything
   */
  async leave({ failed = false, keep = false, atOnce = false }: Leave = {}): Promise<string | undefined> {
    if (keep) {
      const { PENSTOCK_STATE_DIR, PENSTOCK_PORT_OFFSET } = this.environment;
      const settings = `PENSTOCK_STATE_DIR=${PENSTOCK_STATE_DIR} PENSTOCK_PORT_OFFSET=${PENSTOCK_PORT_OFFSET}`;
      return `The stack still runs at ${this.url}; stop it with: ${settings} npm run down`;
    }
    const problem = await (atOnce ? this.kill() : this.down()).then(
      () => undefined,
      (error: Error) => error,
    );
    await endProcesses(stackProcesses(this.stateDir), LEFTOVERS_PATIENCE_MS);
    const kept = failed || problem !== undefined ? KEPT_ON_FAILURE : [];
    for (const name of readdirSync(this.stateDir)) {
      if (!kept.includes(name)) rmSync(join(this.stateDir, name), { recursive: true, force: true });
    }
    if (kept.length === 0) {
      rmSync(this.stateDir, { recursive: true, force: true });
      return undefined;
    }
    return `${problem === undefined ? "" : `${problem.message}\n`}Logs are kept in ${this.stateDir}`;
  }

  /** Ends every process, whatever it is doing, frozen ones too. */
  async kill(): Promise<void> {
    const supervisor = runningSupervisor(stateFolder(this.stateDir));
    // First, for it would start the others again.
    if (supervisor !== null) process.kill(supervisor, "SIGKILL");
    await endProcesses(stackProcesses(this.stateDir), 0);
  }

  private async launch(command: "up" | "down", signal?: AbortSignal): Promise<void> {
    const bootstrap = join(CHECKOUT, "infra", "local", "bootstrap.mjs");
    // A process group of its own: Ctrl-C is for the test, which then takes the stack down in order.
    const launcher = spawn(process.execPath, [bootstrap, command], {
      cwd: CHECKOUT,
      env: this.environment,
      stdio: ["ignore", "pipe", "pipe"],
      detached: true,
      killSignal: "SIGINT",
      ...(signal === undefined ? {} : { signal }),
    });
    let said = "";
    for (const stream of [launcher.stdout, launcher.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        said += text;
        if (this.onOutput === undefined) process.stderr.write(text);
        else this.onOutput(text);
      });
    }
    let failure: Error | null = null;
    const code = await new Promise<number | string>((resolve, reject) => {
      launcher.once("error", (error) => {
        failure = error;
        // One that was interrupted may be about to start something: nobody knows what there is before it has ended.
        if (launcher.pid === undefined) reject(error);
      });
      launcher.once("close", (exitCode, signal) => resolve(exitCode ?? signal ?? "nothing"));
    });
    if (failure !== null) throw failure;
    if (code !== 0) {
      throw new Error(
        `The launcher's ${command} ended with ${code}:\n${said.trim().split("\n").slice(-15).join("\n")}`,
      );
    }
  }
}

/**
 * Runs a test on a stack of its own, and takes the stack down whatever happens: a failure, an exception, Ctrl-C.
 * @param use gets the started stack and a signal that comes with Ctrl-C; its result tells whether the test failed
 */
export async function withStack<T extends { failed: boolean; keep?: boolean }>(
  options: StackOptions,
  use: (stack: Stack, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const abort = new AbortController();
  const stack = await Stack.prepare(options);
  const onSignal = () => {
    abort.abort(new Error("Interrupted"));
    // What the test waits for ends with the processes, also what knows no signal.
    void stack.kill().catch(() => undefined);
  };
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, onSignal);
  let leave: Leave = { failed: true };
  try {
    await stack.up(abort.signal);
    abort.signal.throwIfAborted();
    const result = await use(stack, abort.signal);
    leave = result;
    return result;
  } catch (error) {
    leave = { failed: !abort.signal.aborted, atOnce: abort.signal.aborted };
    throw error;
  } finally {
    const left = await stack.leave(leave);
    if (left !== undefined) console.error(left);
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.off(name, onSignal);
  }
}
