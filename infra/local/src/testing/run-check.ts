import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runInForeground } from "../commands/foreground.ts";
import type { Check } from "./checks.ts";
import { NO_TESTS, type TestCounts } from "./counts.ts";

/** Runs one check in this terminal. A test runner that passes without having run a test counts as failed. */
export async function runCheck(check: Check): Promise<{ ok: boolean; counts: TestCounts }> {
  const folder = mkdtempSync(join(tmpdir(), "penstock-test-"));
  try {
    const report = join(folder, "report");
    const code = await runInForeground(check.program, check.args(report), { cwd: check.cwd, env: check.env });
    if (!check.counts) return { ok: code === 0, counts: NO_TESTS };
    const counts = existsSync(report) ? check.counts(readFileSync(report, "utf8")) : NO_TESTS;
    return { ok: code === 0 && counts.passed > 0, counts };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
