import { execFile } from "node:child_process";
import { copyFile, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import openapiTS, { astToString } from "openapi-typescript";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startControlPlane, type TestControlPlane } from "../fixtures/control-plane.ts";
import { readOpenApi } from "../fixtures/open-api.ts";
import { freePort } from "../fixtures/postgres.ts";

const CHECKOUT = fileURLToPath(new URL("../../../", import.meta.url));
const PROGRAM = fileURLToPath(new URL("../fixtures/generated-client/program.ts", import.meta.url));
const run = promisify(execFile);

let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "penstock-client-"));
  // The program finds its packages as it would in a project of its own.
  await symlink(join(CHECKOUT, "node_modules"), join(folder, "node_modules"));
  await writeFile(join(folder, "package.json"), JSON.stringify({ type: "module" }));
  const config = { extends: join(CHECKOUT, "tsconfig.json"), include: ["*.ts"], exclude: [] };
  await writeFile(join(folder, "tsconfig.json"), JSON.stringify(config));
  await copyFile(PROGRAM, join(folder, "program.ts"));
  await writeFile(join(folder, "schema.ts"), astToString(await openapiTS(await readOpenApi())));
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe("a client generated from the OpenAPI document", () => {
  let running: TestControlPlane;
  let port: number;

  beforeAll(async () => {
    port = await freePort();
    running = await startControlPlane({ PENSTOCK_ALLOWED_HOSTS: `127.0.0.1:${port}` });
    running.controlPlane.reconciler.start();
    await running.controlPlane.app.listen({ host: "127.0.0.1", port });
  }, 60_000);

  afterAll(() => running?.stop());

  it("has types that a program compiles against, and finds them true", { timeout: 60_000 }, async () => {
    const compiler = join(CHECKOUT, "node_modules", "typescript", "bin", "tsc");
    const compiled = await run(process.execPath, [compiler, "-p", folder]).catch(({ stdout }) => ({ stdout }));
    expect(compiled.stdout).toBe("");
    const { stdout } = await run(process.execPath, [join(folder, "program.ts"), `http://127.0.0.1:${port}`]);
    expect(stdout).toBe("done\n");
  });
});
