import { describe, expect, test } from "vitest";
import { UsageError } from "../src/command-line.ts";
import { HELP, type ProducerOptions, readProducerOptions } from "../src/options.ts";

function read(args: string[], environment: Record<string, string> = {}): ProducerOptions {
  const options = readProducerOptions(args, environment);
  if (options === "help") throw new Error("asked for help");
  return options;
}

describe("options", () => {
  test("have the defaults of the local stack and of the reference system", () => {
    expect(read([])).toMatchObject({
      brokers: ["127.0.0.1:9092"],
      registry: "http://127.0.0.1:8081/apis/ccompat/v7",
      topic: "sales.events.v1",
      rate: 5,
      duplicates: 0.02,
      late: 0.05,
      "allowed-lateness": 600_000,
      forever: false,
      seed: undefined,
      count: undefined,
    });
  });

  test("come from the command line before the environment, and from the producer's own variables before the stack's", () => {
    const environment = {
      PENSTOCK_PRODUCER_TOO_LATE: "0.1",
      PENSTOCK_PRODUCER_RATE: "7",
      PENSTOCK_KAFKA_BROKERS: "a:1",
      PENSTOCK_PRODUCER_BROKERS: "b:2, c:3",
      PENSTOCK_REGISTRY_URL: "http://r:8081/",
    };
    expect(read(["--rate", "9"], environment)).toMatchObject({
      rate: 9,
      "too-late": 0.1,
      brokers: ["b:2", "c:3"],
      registry: "http://r:8081",
    });
  });

  test("an empty variable is none", () => {
    expect(read([], { PENSTOCK_PRODUCER_RATE: "" }).rate).toBe(5);
  });

  test("read times and durations", () => {
    const options = read(["--start", "2026-11-21T10:00:00+02:00", "--duration", "1.5s", "--seed", "0"]);
    expect(options).toMatchObject({ start: Date.UTC(2026, 10, 21, 8), duration: 1500, seed: 0 });
  });
});

describe("bad options", () => {
  test.each([
    [
      ["--rate", "fast"],
      "--rate: expected events per second, such as 20 or 0.5; 0 is as fast as possible, got 'fast'.",
    ],
    [["--rate=-1"], "--rate: expected events per second"],
    [["--late", "2"], "--late: expected a share between 0 and 1, such as 0.05, got '2'."],
    [["--count", "0"], "--count: expected a whole number from 1 to"],
    [["--count", "1.5"], "got '1.5'"],
    [["--duration", "soon"], "--duration: expected a duration such as 500ms, 30s, 5m, 1h or 7d, got 'soon'."],
    [["--start", "2026-11-21T10:00:00"], "--start: expected an ISO-8601 time with its zone"],
    [["--start", "2026-13-21T10:00:00Z"], "got '2026-13-21T10:00:00Z'"],
    [["--brokers", "localhost"], "--brokers: expected host:port"],
    [["--registry", "localhost:8081"], "--registry: expected an http(s) URL"],
    [["--topic", " "], "--topic: expected a text"],
    [["--sped", "3"], "Unknown option '--sped'"],
    [["7"], "Unexpected argument '7'"],
    [["--rate"], "'--rate"],
    [["--mix", "awful"], "--mix: expected usual or nasty, got 'awful'."],
    [
      ["--pace", "0", "--start", "2026-11-21T10:00:00Z"],
      "--pace: expected a number above 0, such as 20 or 0.5, got '0'.",
    ],
    [["--pace", "3"], "--pace needs a --start"],
    [["--window", "0s"], "--window: expected more than zero"],
    [["--skip", "some"], "--skip: expected a whole number from 0 to"],
    [["--late", "0.6", "--invalid", "0.3"], "add up to 1.225"],
    [["--rate", "0"], "--rate 0 needs --count or --duration"],
    [["--rate", "0", "--count", "5", "--forever"], "--forever needs a --rate above 0"],
  ])("%j are answered with what was expected", (args, message) => {
    expect(() => read(args)).toThrow(UsageError);
    expect(() => read(args)).toThrow(message);
  });

  test("a bad variable is named as such", () => {
    expect(() => read([], { PENSTOCK_PRODUCER_LATE: "much" })).toThrow(
      "PENSTOCK_PRODUCER_LATE: expected a share between 0 and 1, such as 0.05, got 'much'.",
    );
  });
});

test("the help names every option with its variable", () => {
  expect(readProducerOptions(["--help"], {})).toBe("help");
  for (const name of ["rate", "count", "duration", "seed", "start", "too-late", "undecodable", "accounts"]) {
    expect(HELP).toContain(`--${name} `);
    expect(HELP).toContain(`PENSTOCK_PRODUCER_${name.toUpperCase().replace("-", "_")}`);
  }
});
