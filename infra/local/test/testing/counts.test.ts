import { describe, expect, it } from "vitest";
import { addCounts, pytestCounts, summaryLine, vitestCounts } from "../../src/testing/counts.ts";

describe("test counts", () => {
  it("are read from pytest's report: errors fail, skipped tests count as neither", () => {
    const report =
      '<?xml version="1.0"?><testsuites name="pytest tests"><testsuite name="pytest" errors="1" failures="2" skipped="3" tests="10" time="1.0"><testcase/></testsuite></testsuites>';
    expect(pytestCounts(report)).toEqual({ passed: 4, failed: 3 });
  });

  it("are read from vitest's report", () => {
    expect(vitestCounts('{"numTotalTests":9,"numPassedTests":7,"numFailedTests":1}')).toEqual({ passed: 7, failed: 1 });
  });

  it("end as one line that machines read", () => {
    expect(summaryLine(addCounts({ passed: 4, failed: 3 }, { passed: 7, failed: 0 }))).toBe("11 passed, 3 failed");
  });
});
