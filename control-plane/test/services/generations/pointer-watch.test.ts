import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createLivePointer } from "../../../src/adapters/live-pointer.ts";
import { PointerWatch } from "../../../src/services/generations/pointer-watch.ts";

let lakeDir: string;
let live: number;
let changes: number;
let warnings: string[];

beforeEach(async () => {
  lakeDir = await mkdtemp(join(tmpdir(), "penstock-lake-"));
  [live, changes, warnings] = [1, 0, []];
});

afterEach(() => rm(lakeDir, { recursive: true, force: true }));

const generation = (number: number) => ({
  ...{
    pipeline: "sales",
    number,
    live: true,
    isGone: false,
    replay: null,
    rules: {},
    start: null,
    inherits: null,
    held: null,
  },
  tables: { "gold.revenue_5m": `gen=${number}/gold.revenue_5m` },
});

function watch(write = createLivePointer(lakeDir)): PointerWatch {
  return new PointerWatch({
    pipeline: "sales",
    catalog: { liveGeneration: async () => generation(live) },
    write,
    onChange: () => {
      changes += 1;
    },
    log: pino({ level: "warn" }, { write: (line: string) => void warnings.push(JSON.parse(line).msg) }),
  });
}

const pointer = async () => JSON.parse(await readFile(join(lakeDir, "live.json"), "utf8"));

describe("the pointer in the lake", () => {
  it("follows the live generation, and whoever asks hears of each change once", async () => {
    const watching = watch();
    await watching.attempt();
    expect(await pointer()).toMatchObject({ pipeline: "sales", generation: 1 });
    live = 2;
    await watching.attempt();
    await watching.attempt();
    expect(await pointer()).toEqual({
      pipeline: "sales",
      generation: 2,
      tables: { "gold.revenue_5m": "gen=2/gold.revenue_5m" },
    });
    expect(changes).toBe(1);
  });

  it("is written anew where it says something else, as after a crash between a promotion and this", async () => {
    await createLivePointer(lakeDir)(generation(1));
    live = 2;
    await watch().attempt();
    expect((await pointer()).generation).toBe(2);
    await writeFile(join(lakeDir, "live.json"), "half of it");
    await watch().attempt();
    expect((await pointer()).generation).toBe(2);
    expect(await readdir(lakeDir), "and nothing beside it").toEqual(["live.json"]);
  });

  it("is never a mixture, whoever else writes it at that moment", async () => {
    const write = createLivePointer(lakeDir);
    await Promise.all([1, 2, 3, 2, 1].map((number) => write(generation(number))));
    expect(
      [1, 2, 3].map(generation).map(({ number, tables }) => ({ pipeline: "sales", generation: number, tables })),
    ).toContainEqual(await pointer());
  });

  it("is tried again when it could not be written, and that is said once", async () => {
    let isFull = true;
    const watching = watch(async (generation) => {
      if (isFull) throw new Error("no space left");
      await createLivePointer(lakeDir)(generation);
    });
    await watching.attempt();
    await watching.attempt();
    expect(warnings).toEqual(["cannot write which generation is live into the lake"]);
    isFull = false;
    await watching.attempt();
    expect((await pointer()).generation).toBe(1);
  });
});
