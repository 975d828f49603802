import { globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { PROBLEMS, type ProblemCode } from "../../src/domain/problem.ts";

const SOURCE = fileURLToPath(new URL("../../src/", import.meta.url));

describe("a problem's code", () => {
  it("always comes with the status that the table gives it", () => {
    const thrown = globSync("**/*.ts", { cwd: SOURCE })
      .flatMap((file) => [...readFileSync(SOURCE + file, "utf8").matchAll(/status: (\d{3}),\s+code: "(\w+)"/g)])
      .map(([, status, code]) => ({ code: code as ProblemCode, status: Number(status) }));
    expect(thrown.length).toBeGreaterThan(20);
    for (const { code, status } of thrown) expect({ code, status }).toEqual({ code, status: PROBLEMS[code]?.status });
  });

  it("stands in the order of its status", () => {
    const statuses = Object.values(PROBLEMS).map(({ status }) => status);
    expect(statuses).toEqual(statuses.toSorted((one, other) => one - other));
  });
});
