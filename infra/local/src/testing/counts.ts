/** How many tests passed and failed. */
export interface TestCounts {
  readonly passed: number;
  readonly failed: number;
}

export const NO_TESTS: TestCounts = { passed: 0, failed: 0 };

export function addCounts(one: TestCounts, other: TestCounts): TestCounts {
  return { passed: one.passed + other.passed, failed: one.failed + other.failed };
}

/** The last line of `npm test`, which machines read. */
export function summaryLine({ passed, failed }: TestCounts): string {
  return `${passed} passed, ${failed} failed`;
}

/** Reads the counts from the JSON report of vitest. */
export function vitestCounts(report: string): TestCounts {
  const { numPassedTests, numFailedTests } = JSON.parse(report) as { numPassedTests: number; numFailedTests: number };
  return { passed: numPassedTests, failed: numFailedTests };
}

/** Reads the counts from the JUnit XML of pytest; an error counts as a failure, a skipped test as neither. */
export function pytestCounts(report: string): TestCounts {
  let [all, failed, skipped] = [0, 0, 0];
  for (const [suite] of report.matchAll(/<testsuite\s[^>]*>/g)) {
    const number = (name: string): number => Number(new RegExp(`\\s${name}="(\\d+)"`).exec(suite)?.[1] ?? 0);
    all += number("tests");
    failed += number("failures") + number("errors");
    skipped += number("skipped");
  }
  return { passed: all - failed - skipped, failed };
}
