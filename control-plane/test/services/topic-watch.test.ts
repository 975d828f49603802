import { describe, expect, it } from "vitest";
import type { TopicOffsets } from "../../src/domain/lag.ts";
import type { Topics } from "../../src/services/ports.ts";
import { TopicWatch } from "../../src/services/topic-watch.ts";

describe("the watch over a topic", () => {
  it("knows without asking how far the topic had come, as long as Kafka answered a moment ago", async () => {
    let now = Date.parse("2026-11-24T00:00:00Z");
    let asked = 0;
    const offsets: TopicOffsets = new Map([[0, { earliest: 0n, latest: 7n }]]);
    const topics: Topics = {
      ensure: async () => undefined,
      describe: async () => null,
      offsets: async () => {
        asked += 1;
        return offsets;
      },
    };
    const watch = new TopicWatch(topics, "events", { now: () => new Date(now) });
    expect(watch.current()).toBeNull();
    await watch.latest();
    now += 10_000;
    expect(watch.current()).toBe(offsets);
    now += 1;
    expect(watch.current()).toBeNull();
    expect(asked).toBe(1);
  });
});
