import { execFile, spawn } from "node:child_process";
import { createServer } from "node:net";
import { promisify } from "node:util";
import { CHECKOUT } from "../../local/src/root.ts";

const run = promisify(execFile);
const MOST_OUTPUT = 256 * 1024 * 1024;
const SHOWN_LINES = 30;

/** The stack of this checkout in containers of a project of its own, published at a port of its own. */
export class Compose {
  readonly project: string;
  readonly port: number;
  private readonly environment: NodeJS.ProcessEnv;

  private constructor(project: string, port: number) {
    this.project = project;
    this.port = port;
    this.environment = { ...process.env, PENSTOCK_PORT: String(port), PENSTOCK_PUBLISH: "127.0.0.1" };
  }

  static async prepare(project: string): Promise<Compose> {
    return new Compose(project, await freePort());
  }

  /**
   * Runs a command of Compose in this terminal.
   * @throws when it fails
   */
  async show(...args: string[]): Promise<void> {
    const child = spawn("docker", this.command(args), { cwd: CHECKOUT, env: this.environment, stdio: "inherit" });
    const code = await new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (exitCode, signal) => resolve(exitCode ?? signal));
    });
    if (code !== 0) throw new Error(`docker compose ${args.join(" ")} ended with ${code}`);
  }

  /** Runs a command of Compose. @returns what it prints @throws with the end of what it says when it fails */
  async ask(...args: string[]): Promise<string> {
    return await this.engine(...this.command(args));
  }

  /** Runs a command of Docker. @returns what it prints @throws with the end of what it says when it fails */
  async engine(...args: string[]): Promise<string> {
    try {
      return (await run("docker", args, { cwd: CHECKOUT, env: this.environment, maxBuffer: MOST_OUTPUT })).stdout;
    } catch (error) {
      const { stdout = "", stderr = "" } = error as { stdout?: string; stderr?: string };
      const said = `${stdout}${stderr}`.trim().split("\n").slice(-SHOWN_LINES).join("\n");
      throw new Error(`docker ${args.slice(0, 6).join(" ")} failed:\n${said}`);
    }
  }

  /** Runs a program of the checkout in a container beside the others. @returns what it prints */
  async node(...args: string[]): Promise<string> {
    return await this.ask("run", "--rm", "--no-deps", "-T", "--entrypoint", "node", "producer", ...args);
  }

  private command(args: readonly string[]): string[] {
    return ["compose", "--project-name", this.project, ...args];
  }
}

/** @returns why there is no engine to be used; null when there is one */
export async function engineProblem(): Promise<string | null> {
  try {
    await run("docker", ["info", "--format", "{{.ServerVersion}}"]);
    await run("docker", ["compose", "version"]);
    return null;
  } catch (error) {
    const { code, stderr } = error as { code?: string; stderr?: string };
    if (code === "ENOENT") return "there is no program docker";
    return (stderr ?? String(error)).trim().split("\n")[0] ?? "it does not answer";
  }
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("no port is free");
  return address.port;
}
