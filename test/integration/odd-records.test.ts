import { beforeAll, describe, expect, it } from "vitest";
import type { JobStatus } from "../stack/resources.ts";
import { allRunning, expectExact, produce, send, sharedStack } from "./shared-stack.ts";

const stack = sharedStack();

/** Zigzag varint, as Avro writes lengths. */
function varint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value * 2;
  while (rest > 127) {
    bytes.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  return [...bytes, rest];
}

describe("records that are not events", () => {
  beforeAll(async () => {
    await allRunning(stack);
    await produce(stack, { seed: 41, events: 500 });
  });

  it("never stop a job and are all accounted for", async () => {
    const lyingLength = Buffer.from([0, 0, 0, 0, 1, ...varint(2 ** 30), 1, 2, 3]);
    const values = [
      null,
      Buffer.alloc(0),
      Buffer.from([0]),
      Buffer.from("plain text"),
      Buffer.from([0, 255, 255, 255, 255, 1]),
      Buffer.from([0, 127, 255, 255, 255, 1]),
      Buffer.from([0, 0, 0, 0, 1]),
      lyingLength,
      Buffer.alloc(900_000, 7),
    ];
    await send(stack, values);
    await expectExact(stack);
    const { items } = await stack.rest.get<{ items: JobStatus[] }>("/v1/jobs");
    expect(items.map(({ state }) => state)).toEqual(items.map(() => "RUNNING"));
  });
});
