import { describe, expect, test } from "vitest";
import { persist } from "../src/patience.ts";

class Passing extends Error {}
const isPassing = (error: Error) => error instanceof Passing;

function failing(times: number, error: Error) {
  let calls = 0;
  const action = async () => {
    calls += 1;
    if (calls <= times) throw error;
    return calls;
  };
  return { action, calls: () => calls };
}

describe("persist", () => {
  test("tries again what may pass, and tells about it", async () => {
    const lines: string[] = [];
    const { action } = failing(1, new Passing("Kafka does not answer."));
    const patience = { attempts: 3, signal: new AbortController().signal, log: (line: string) => lines.push(line) };
    expect(await persist(action, isPassing, patience)).toBe(2);
    expect(lines[0]).toBe("Kafka does not answer. Trying again in 0.5 s.");
    expect(lines[1]).toMatch(/^Working again after \d+ s\.$/);
  });

  test("gives up after the last attempt with the last failure", async () => {
    const { action, calls } = failing(9, new Passing("away"));
    const patience = { attempts: 2, signal: new AbortController().signal, log: () => {} };
    await expect(persist(action, isPassing, patience)).rejects.toThrow("away");
    expect(calls()).toBe(2);
  });

  test("does not try again what will not pass", async () => {
    const { action, calls } = failing(9, new Error("refused"));
    const patience = { attempts: undefined, signal: new AbortController().signal, log: () => {} };
    await expect(persist(action, isPassing, patience)).rejects.toThrow("refused");
    expect(calls()).toBe(1);
  });

  test("ends its waiting when the signal comes", async () => {
    const abort = new AbortController();
    const { action, calls } = failing(9, new Passing("away"));
    const patience = { attempts: undefined, signal: abort.signal, log: () => abort.abort() };
    await expect(persist(action, isPassing, patience)).rejects.toThrow("away");
    expect(calls()).toBe(1);
  });
});
