import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { saidOnce } from "../../src/services/said-once.ts";
import { Ticker } from "../../src/services/ticker.ts";

const EVERY_MS = 1_000;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("a ticker", () => {
  it("looks at its start, again when it is time, and at once where something has changed", async () => {
    const look = vi.fn(async () => undefined);
    const ticker = new Ticker(look, EVERY_MS);
    ticker.poke();
    expect(look, "before its start").toHaveBeenCalledTimes(0);
    ticker.start();
    expect(look).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(EVERY_MS - 1);
    expect(look).toHaveBeenCalledTimes(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(look).toHaveBeenCalledTimes(2);
    ticker.poke();
    expect(look).toHaveBeenCalledTimes(3);
    await ticker.stop();
    ticker.poke();
    await vi.advanceTimersByTimeAsync(10 * EVERY_MS);
    expect(look, "after its end").toHaveBeenCalledTimes(3);
  });

  it("looks once more soon where something changed during a look, never twice at a time, and ends with the last look", async () => {
    let [begun, ended] = [0, 0];
    const ticker = new Ticker(async () => {
      begun += 1;
      await new Promise((resolve) => setTimeout(resolve, 100));
      ended += 1;
    }, EVERY_MS);
    ticker.start();
    for (let times = 0; times < 3; times += 1) ticker.poke();
    expect(begun).toBe(1);
    await vi.advanceTimersByTimeAsync(150);
    expect([begun, ended]).toEqual([2, 1]);
    const stopped = ticker.stop();
    await vi.advanceTimersByTimeAsync(100);
    await stopped;
    expect([begun, ended]).toEqual([2, 2]);
  });
});

describe("work that is done again and again", () => {
  it("says the same trouble once, and anew after it went well or for another reason", async () => {
    const said: string[] = [];
    const log = pino({ level: "warn" }, { write: (line: string) => void said.push(JSON.parse(line).err.message) });
    let trouble: string | null = "away";
    const work = saidOnce(
      async () => {
        if (trouble !== null) throw new Error(trouble);
      },
      log,
      "cannot work",
    );
    for (const next of ["away", "away", "full", null, "full"]) {
      trouble = next;
      await work();
    }
    expect(said).toEqual(["away", "full", "full"]);
  });
});
