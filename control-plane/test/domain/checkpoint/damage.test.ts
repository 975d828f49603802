import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { batchesOf, inspectCheckpoint } from "../../../src/domain/checkpoint/inspection.ts";

interface Damage {
  base: { metadata: string; offsets: Record<string, string>; commits: Record<string, string> };
  cases: { name: string; file: string; content: string | null; stopsStart: boolean }[];
}

const { base, cases }: Damage = JSON.parse(
  readFileSync(new URL("../../../../test/checkpoints/damage.json", import.meta.url), "utf8"),
);

/** As the file is read from a disk: bytes that are no text become U+FFFD. */
function textOf(content: string): string {
  return content.startsWith("hex:") ? Buffer.from(content.slice(4), "hex").toString("utf8") : content;
}

function filesWith(file: string, content: string | null): Map<string, string> {
  const files = new Map([["metadata", base.metadata]]);
  for (const log of ["offsets", "commits"] as const) {
    for (const [batch, text] of Object.entries(base[log])) files.set(`${log}/${batch}`, text);
  }
  if (content === null) files.delete(file);
  else files.set(file, textOf(content));
  return files;
}

function inspect(file: string, content: string | null) {
  const files = filesWith(file, content);
  const log = (name: string) => {
    const names = [...files.keys()]
      .filter((path) => path.startsWith(`${name}/`))
      .map((path) => path.split("/")[1] ?? "");
    return new Map(batchesOf(names).map((batch) => [batch, files.get(`${name}/${batch}`) ?? ""]));
  };
  return inspectCheckpoint({ metadata: files.get("metadata"), offsets: log("offsets"), commits: log("commits") }, 2n);
}

// The runner's check and Spark itself are tried with the same cases, in spark_jobs/tests/test_damaged_checkpoints.py.
describe("a checkpoint of which one file is damaged", () => {
  it.each(cases)("$name: stops a start: $stopsStart", ({ file, content, stopsStart }) => {
    const { next, damage } = inspect(file, content);
    expect(next.action === "fail").toBe(stopsStart);
    if (stopsStart) expect(damage.map((finding) => finding.stopsStart)).toContain(true);
  });
});
