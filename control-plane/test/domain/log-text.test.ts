import { describe, expect, it } from "vitest";
import { firstLines, type LogPart, lastLines, parseLogPage } from "../../src/domain/log-text.ts";

const page = (from: number, to: number, size: number, text: string) =>
  `==== Bytes ${from}-${to} of ${size} of /work/driver-1/stderr ====\n${text}`;
const part = (text: string, from = 0): LogPart => {
  const to = from + Buffer.byteLength(text);
  return { from, to, size: to, text };
};

describe("a worker's page", () => {
  it("is a range and a text", () => {
    expect(parseLogPage(page(2, 6, 9, "b\nc\n"))).toEqual({ from: 2, to: 6, size: 9, text: "b\nc\n" });
  });

  it("may be of an empty log", () => {
    expect(parseLogPage(page(0, 0, 0, ""))).toEqual({ from: 0, to: 0, size: 0, text: "" });
  });

  it.each([
    page(0, 0, 0, "Error: invalid log directory /work/driver-nope/"),
    page(0, 0, 0, "Error getting logs due to exception: x"),
    "<html>",
    "",
  ])("may say that there is no such log: %j", (body) => {
    expect(parseLogPage(body)).toBeNull();
  });
});

describe("the end of a log", () => {
  it("is its last lines, with the bytes that they cover", () => {
    expect(lastLines(part("one\ntwö\nthree\n"), 2, true)).toEqual({ from: 4, to: 15, lines: ["twö", "three"] });
  });

  it("leaves out the line, and the character, in which the part begins", () => {
    expect(lastLines({ from: 7, to: 15, size: 15, text: "\ufffd\nthree\n" }, 10, true)).toEqual({
      from: 9,
      to: 15,
      lines: ["three"],
    });
  });

  it("may be a line that is not finished: reading on begins with it again", () => {
    expect(lastLines(part("one\ntwo"), 5, true)).toEqual({ from: 0, to: 4, lines: ["one", "two"] });
    expect(lastLines(part("one\ntwo"), 1, true)).toEqual({ from: 4, to: 4, lines: ["two"] });
    expect(lastLines(part("one\ntwo"), 5, false)).toEqual({ from: 0, to: 4, lines: ["one"] });
  });

  it("may be nothing, or not wanted", () => {
    expect(lastLines(part(""), 5, true)).toEqual({ from: 0, to: 0, lines: [] });
    expect(lastLines(part("one\n"), 0, true)).toEqual({ from: 4, to: 4, lines: [] });
    expect(lastLines({ from: 7, to: 9, size: 9, text: "xy" }, 5, true)).toMatchObject({ lines: ["xy"] });
  });
});

describe("a log read on", () => {
  it("gives whole lines, and leaves the one that is being written for later", () => {
    expect(firstLines(part("one\ntwo\nthr", 10), 5, false)).toEqual({ from: 10, to: 18, lines: ["one", "two"] });
    expect(firstLines(part("thr", 18), 5, false)).toEqual({ from: 18, to: 18, lines: [] });
    expect(firstLines(part("thr", 18), 5, true)).toEqual({ from: 18, to: 21, lines: ["thr"] });
  });

  it("goes on after the last line that was given", () => {
    expect(firstLines(part("a\nbb\nccc\n"), 2, false)).toEqual({ from: 0, to: 5, lines: ["a", "bb"] });
  });

  it("does not get lost in bytes that are no UTF-8", () => {
    expect(firstLines({ from: 0, to: 4, size: 4, text: "\ufffd\ufffdx\n" }, 5, false)).toMatchObject({ to: 4 });
  });

  it("has empty lines, too", () => {
    expect(firstLines(part("\n\nx\n"), 5, false)).toEqual({ from: 0, to: 4, lines: ["", "", "x"] });
  });
});
