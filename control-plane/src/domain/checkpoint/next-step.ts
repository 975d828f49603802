import type { CheckpointReport } from "./inspection.ts";
import type { SourceOffset } from "./log-entry.ts";

/** A sentence on what a start of the query would do. */
export function describeNextStep({ next, previous, newest }: CheckpointReport, ledgerBatch: bigint | null): string {
  switch (next.action) {
    case "begin":
      return ledgerBatch === null
        ? "A start begins with batch 0, at the earliest record that its source still has."
        : `There is no checkpoint, and the table holds batches up to ${ledgerBatch}: a start would count batches from 0 again. Restore the checkpoint from a backup first, or replay the job (POST /v1/jobs/{job}/replay?autoPromote=true), which makes table and checkpoint anew and deletes nothing.`;
    case "continue":
      return `A start goes on after batch ${next.batch}, which is committed${at(newest?.sources)}.`;
    case "repeat": {
      const range = `${previous === null ? "" : `${positions(previous.sources)} up to `}${positions(newest?.sources ?? [])}`;
      const isWritten = ledgerBatch !== null && ledgerBatch >= next.batch;
      const consequence = isWritten ? "; the table holds it already, so it is not written again" : "";
      return `A start repeats batch ${next.batch}, which is logged and not committed, over the same records: ${range}${consequence}.`;
    }
    case "fail":
      return `A start fails: ${next.because.file}: ${next.because.problem}. The ways out stand in \`damage\`.`;
  }
}

function at(sources: SourceOffset[] | undefined): string {
  return sources === undefined ? "" : `, at ${positions(sources)}`;
}

function positions(sources: SourceOffset[]): string {
  return sources.map(position).join(" and ");
}

function position(source: SourceOffset): string {
  switch (source.kind) {
    case "kafka":
      return Object.entries(source.topics)
        .map(
          ([topic, partitions]) =>
            `${topic} ${Object.entries(partitions)
              .map(([p, o]) => `${p}:${o}`)
              .join(" ")}`,
        )
        .join(", ");
    case "delta":
      return Number(source.index) < 0
        ? `the start of version ${source.version} of the source table`
        : `file ${source.index} of version ${source.version} of the source table`;
    case "other":
      return source.text;
  }
}
