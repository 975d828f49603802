import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
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

describe("a topic that does not answer", () => {
  const OFFSETS: TopicOffsets = new Map([[0, { earliest: 0n, latest: 7n }]]);
  let answer: () => Promise<TopicOffsets>;
  let watch: TopicWatch;

  beforeEach(() => {
    vi.useFakeTimers({ now: Date.parse("2026-11-24T00:00:00Z") });
    answer = async () => OFFSETS;
    const topics: Topics = { ensure: async () => undefined, describe: async () => null, offsets: () => answer() };
    watch = new TopicWatch(topics, "events", { now: () => new Date() });
  });

  afterEach(() => {
    watch.stop();
    vi.useRealTimers();
  });

  it("is missed within seconds, with what is said instead, and no longer once it answers again", async () => {
    watch.start();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(watch.awaySince()).toBeNull();
    answer = () => Promise.reject(new Error("connect ECONNREFUSED"));
    await vi.advanceTimersByTimeAsync(6_000);
    expect(watch.awaySince()).toBeNull();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(watch.awaySince()).toEqual({ since: new Date("2026-11-24T00:00:10Z"), why: "connect ECONNREFUSED" });
    answer = async () => OFFSETS;
    expect(watch.backSince()).toBeNull();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(watch.awaySince()).toBeNull();
    expect(watch.backSince()).toEqual(new Date("2026-11-24T00:00:18Z"));
    await vi.advanceTimersByTimeAsync(5_000);
    expect(watch.backSince()).toEqual(new Date("2026-11-24T00:00:18Z"));
  });

  it("is missed as well when it takes the question and says nothing", async () => {
    watch.start();
    await vi.advanceTimersByTimeAsync(1_000);
    answer = () => new Promise(() => undefined);
    await vi.advanceTimersByTimeAsync(7_000);
    expect(watch.awaySince()).toEqual({ since: new Date("2026-11-24T00:00:01Z"), why: "no answer" });
  });

  it("is not missed while nobody asks, nor just after this process had been stopped for a while", async () => {
    expect(watch.awaySince()).toBeNull();
    watch.start();
    await vi.advanceTimersByTimeAsync(2_000);
    vi.setSystemTime(Date.now() + 150_000);
    expect(watch.awaySince()).toBeNull();
    answer = () => Promise.reject(new Error("not up yet"));
    await vi.advanceTimersByTimeAsync(2_000);
    expect(watch.awaySince()).toBeNull();
    await vi.advanceTimersByTimeAsync(6_000);
    expect(watch.awaySince()?.why).toBe("not up yet");
  });

  it("is not known to be away before it has answered for the first time", async () => {
    answer = () => Promise.reject(new Error("not up yet"));
    watch.start();
    await vi.advanceTimersByTimeAsync(20_000);
    expect(watch.awaySince()).toBeNull();
  });
});
