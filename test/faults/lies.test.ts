import { describe, expect, test } from "vitest";
import { Lies, type Look } from "./lies.ts";

const JOB = "sales.gold";

/** Looks twice a second for so many seconds. */
function watch(
  lies: Lies,
  from: number,
  seconds: number,
  look: (at: number) => Partial<Look> & { state: string },
): void {
  for (let at = from; at <= from + seconds; at += 0.5) {
    const { state, ...seen } = look(at);
    lies.judge({
      at,
      jobs: [{ id: JOB, state, application: "sales" }],
      working: new Set(["sales"]),
      written: {},
      readable: {},
      ...seen,
    });
  }
}

/** A mark that changes every so many seconds. */
const every = (seconds: number, at: number) => ({ [JOB]: String(Math.floor(at / seconds)) });

describe("what is no lie", () => {
  test("a job that is RUNNING and commits, or has nothing to read", () => {
    const lies = new Lies();
    watch(lies, 0, 100, (at) => ({ state: "RUNNING", written: every(2, at), readable: every(1, at) }));
    watch(lies, 101, 300, () => ({ state: "RUNNING" }));
    expect(lies.longest.seconds).toBe(0);
  });

  test.each(["STARTING", "FAILED", "WAITING"])("a job that is %s and commits once: a takeover", (state) => {
    const lies = new Lies();
    watch(lies, 0, 60, (at) => ({ state, written: { [JOB]: at < 10 ? "1" : "2" } }));
    expect(lies.longest.seconds).toBeLessThanOrEqual(5);
  });

  test("a job that is DRAINING or UNKNOWN and commits", () => {
    const lies = new Lies();
    watch(lies, 0, 60, (at) => ({ state: "DRAINING", written: every(1, at) }));
    watch(lies, 61, 60, (at) => ({ state: "UNKNOWN", written: every(1, at) }));
    expect(lies.longest.seconds).toBe(0);
  });

  test("silence of the API", () => {
    const lies = new Lies();
    watch(lies, 0, 9, () => ({ state: "RUNNING", working: new Set() }));
    watch(lies, 10, 9, () => ({ state: "RUNNING", working: new Set(), jobs: null }));
    watch(lies, 20, 9, () => ({ state: "RUNNING", working: new Set() }));
    expect(lies.longest.seconds).toBe(9);
  });
});

describe("a lie", () => {
  test("RUNNING without a driver of its own application", () => {
    const lies = new Lies();
    watch(lies, 0, 12, () => ({ state: "RUNNING", working: new Set(["another"]) }));
    expect(lies.longest).toEqual({ seconds: 12, what: `${JOB} is said to be RUNNING without a driver that works` });
  });

  test.each(["STOPPED", "FAILED", "STARTING", "WAITING", "STALLED"])("%s while its query commits", (state) => {
    const lies = new Lies();
    watch(lies, 0, 30, (at) => ({ state, written: every(4, at) }));
    expect(lies.longest.what).toBe(`${JOB} is said to be ${state} and writes`);
    expect(lies.longest.seconds).toBeGreaterThan(20);
  });

  test("RUNNING with a query that commits nothing of what comes", () => {
    const lies = new Lies();
    watch(lies, 0, 100, (at) => ({ state: "RUNNING", readable: every(1, at) }));
    expect(lies.longest.what).toBe(`${JOB} is said to be RUNNING and commits nothing of what there is to read`);
    expect(lies.longest.seconds).toBeGreaterThan(30);
  });
});
