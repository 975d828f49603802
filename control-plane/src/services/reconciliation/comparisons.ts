import { METRICS } from "../../domain/dq/metrics-table.ts";
import type { TopicOffsets } from "../../domain/lag.ts";
import type { Tally } from "../../domain/reconciliation/tally.ts";
import type { AuditedTable } from "./audited-table.ts";
import { offsetsLine } from "./bronze.ts";
import { filesLine, ledgerLine } from "./logs.ts";
import { OVERRIDES } from "./overrides.ts";
import type { Resume } from "./ports.ts";
import { MEASURED } from "./quality.ts";
import { silverLine } from "./silver.ts";
import { BRONZE, FINAL, SILVER, UPDATES } from "./tables.ts";

export interface LineInput {
  positions: Resume;
  topic: { name: string; offsets: TopicOffsets | null };
  tables: readonly AuditedTable[];
}

/** What a line compares, before its verdict is known. */
export interface Comparison {
  id: string;
  subject: Record<string, string>;
  expected: bigint | null;
  actual: bigint | null;
  pending?: bigint;
  /** when expected and actual are equal and nothing else was found */
  detail: string;
  /** amounts are written with two places */
  isMoney?: boolean;
  /** there is nothing to compare yet; the text says why */
  waits?: string | null;
  tables: Record<string, number>;
}

export function topicLines(tally: Tally, { topic, positions }: LineInput): Comparison[] {
  const through = positions.bronze?.through ?? {};
  const partitions = new Set([...Object.keys(through), ...[...(topic.offsets?.keys() ?? [])].map(String)]);
  return [...partitions]
    .sort((a, b) => Number(a) - Number(b))
    .map((partition) => {
      const id = `topic.${partition}`;
      const held = topic.offsets?.get(Number(partition));
      const committed = through[partition] === undefined ? null : BigInt(through[partition]);
      const subject = { topic: topic.name, partition };
      const tables = positions.bronze === null ? {} : { [BRONZE]: positions.bronze.version };
      if (held === undefined) {
        const waits = topic.offsets === null ? "Kafka does not answer" : null;
        if (waits === null) tally.found(id, `the topic has no partition ${partition}, though bronze has read it`);
        return { id, subject, expected: null, actual: null, detail: "", waits, tables };
      }
      const reached = committed ?? held.earliest;
      if (reached < held.earliest) {
        const range = `${reached}-${held.earliest - 1n}`;
        tally.found(
          id,
          `Kafka's log begins at ${held.earliest}: the records ${range} were lost to retention before they were read`,
        );
      }
      if (reached > held.latest) {
        tally.found(
          id,
          `bronze has read up to ${reached}, Kafka ends at ${held.latest}: the topic is not the one that was read`,
        );
      }
      const detail = `Kafka holds ${held.earliest} to ${held.latest}; committed is ${committed ?? "nothing"}`;
      return { id, subject, expected: null, actual: null, pending: held.latest - reached, detail, tables };
    });
}

export function bronzeLines(tally: Tally, { positions: { bronze }, topic }: LineInput): Comparison[] {
  const tables = bronze === null ? {} : { [BRONZE]: bronze.version };
  const waits = bronze === null ? "bronze has no commit yet" : null;
  const partitions = tally.namesAfter("bronze.rows.");
  const rows = partitions.reduce((sum, partition) => sum + tally.of(`bronze.rows.${partition}`), 0n);
  const byPartition = partitions.map((partition): Comparison => {
    const [start, offsets] = [tally.of(`bronze.start.${partition}`), tally.of(`bronze.offsets.${partition}`)];
    const through = BigInt(bronze?.through[partition] ?? 0);
    const gaps = through - start - offsets;
    const holes =
      gaps === 0n
        ? "without a gap"
        : `with ${gaps} ${gaps === 1n ? "offset" : "offsets"} without a record (transactions, compaction), as the ledger counts them`;
    return {
      id: offsetsLine(partition),
      subject: { table: BRONZE, topic: topic.name, partition },
      expected: offsets,
      actual: tally.of(`bronze.rows.${partition}`),
      detail: `offsets ${start} to ${through - 1n}, ${holes}; one row each`,
      tables,
    };
  });
  return [
    {
      id: "bronze.rows",
      subject: { table: BRONZE },
      expected: tally.of("bronze.ledger"),
      actual: rows,
      detail: "as many rows as the ledger counts",
      waits,
      tables,
    },
    ...byPartition,
  ];
}

export function silverLines(tally: Tally, { positions: { silver }, topic }: LineInput): Comparison[] {
  const tables = silver === null ? {} : { [SILVER]: silver.version, [BRONZE]: silver.upstream };
  const waits = silver === null ? "silver has no batch yet that ends with a whole version of bronze" : null;
  const offsets = tally.namesAfter("bronze.rows.").map((partition): Comparison => {
    const compared = tally.of(`silver.bronze.${partition}`);
    return {
      id: silverLine(partition),
      subject: { table: SILVER, topic: topic.name, partition },
      expected: compared,
      actual: tally.of(`silver.offsets.${partition}`),
      pending: tally.of(`bronze.offsets.${partition}`) - compared,
      detail: "the offsets of bronze, each once",
      waits,
      tables,
    };
  });
  const overrides = tally.of(OVERRIDES);
  const outcomes = MEASURED.map((outcome): Comparison => {
    const rows = tally.of(`outcome.rows.${outcome}`);
    return {
      id: `outcome.${outcome}`,
      subject: { table: SILVER, outcome },
      expected: tally.of(`outcome.ledger.${outcome}`),
      actual: rows,
      detail: "as many rows as the ledger counts",
      waits,
      tables,
    };
  });
  const copies = tally.of("silver.copies");
  return [
    ...offsets,
    {
      id: OVERRIDES,
      subject: { table: SILVER },
      expected: tally.of(`${OVERRIDES}.expected`),
      actual: overrides,
      pending: tally.of(`${OVERRIDES}.untold`),
      detail:
        overrides === 0n
          ? "nobody has let a refused record in"
          : "the overrides that were applied, each once, and each points at a record that was refused",
      waits,
      tables,
    },
    {
      id: "silver.duplicates",
      subject: { table: SILVER, outcome: "duplicate" },
      expected: copies,
      actual: copies,
      detail: "each repeats the event_id of an accepted record",
      waits,
      tables,
    },
    {
      id: "silver.twice",
      subject: { table: SILVER, outcome: "accepted" },
      expected: tally.of("silver.ids"),
      actual: tally.of("silver.accepted"),
      detail:
        "no event_id was accepted twice; the checks each minute look back two dedup horizons, a recount at all rows",
      waits,
      tables,
    },
    ...outcomes,
  ];
}

export function goldLines(tally: Tally, { positions: { gold, finals } }: LineInput): Comparison[] {
  const tables = gold === null ? {} : { [UPDATES]: gold.version, [SILVER]: gold.upstream };
  const waits = gold === null ? "gold has no batch yet that ends with a whole version of silver" : null;
  const accepted = tally.of("outcome.rows.accepted");
  const currencies = tally.namesAfter("silver.amount.");
  const compared = currencies.reduce((sum, currency) => sum + tally.of(`silver.records.${currency}`), 0n);
  const byCurrency = currencies.flatMap((currency): Comparison[] => [
    {
      id: `gold.amount.${currency}`,
      subject: { table: UPDATES, currency },
      expected: tally.of(`silver.amount.${currency}`),
      actual: tally.of(`gold.amount.${currency}`),
      isMoney: true,
      detail: "revenue of final and open windows is the sum of the accepted amounts, window by window",
      tables,
    },
    {
      id: `gold.records.${currency}`,
      subject: { table: UPDATES, currency },
      expected: tally.of(`silver.records.${currency}`),
      actual: tally.of(`gold.records.${currency}`),
      detail: "as many events as silver accepted",
      tables,
    },
  ]);
  return [
    {
      id: "gold.records",
      subject: { table: UPDATES },
      expected: compared,
      actual: currencies.reduce((sum, currency) => sum + tally.of(`gold.records.${currency}`), 0n),
      pending: accepted - compared,
      detail: "as many events as silver accepted",
      waits,
      tables,
    },
    ...byCurrency,
    {
      id: "gold.final",
      subject: { table: FINAL },
      expected: tally.of("finals.keys"),
      actual: tally.of("finals.right"),
      detail: `the newest row of each final window is the sum of its updates; final through ${finals?.finalThrough}`,
      waits: finals === null ? "no window is final yet" : null,
      tables: finals === null || gold === null ? {} : { [FINAL]: finals.version, [UPDATES]: gold.version },
    },
  ];
}

export function qualityLines(tally: Tally, { positions: { dq } }: LineInput): Comparison[] {
  const silver = MEASURED.reduce((sum, outcome) => sum + tally.of(`dq.silver.${outcome}`), 0n);
  for (const outcome of MEASURED) {
    const [rows, measured] = [tally.of(`dq.silver.${outcome}`), tally.of(`dq.measured.${outcome}`)];
    if (rows !== measured) tally.found("dq.totals", `${measured} ${outcome} where silver has ${rows}`);
  }
  return [
    {
      id: "dq.totals",
      subject: { table: METRICS },
      expected: silver,
      actual: tally.of("dq.total"),
      detail: "every row of silver was measured once, with its outcome",
      waits: dq === null ? "there is no measured batch yet that ends with a whole version of silver" : null,
      tables: dq === null ? {} : { [METRICS]: dq.version, [SILVER]: dq.upstream },
    },
  ];
}

export function tableLines(tally: Tally, { tables }: LineInput): Comparison[] {
  return tables.flatMap((table): Comparison[] => {
    const at = { [table.name]: table.newest };
    const files = tally.of(`files.${table.name}`);
    const entries = tally.of(`ledger.entries.${table.name}`);
    return [
      {
        id: filesLine(table.name),
        subject: { table: table.name },
        expected: files,
        actual: files,
        detail: "every file that the newest version names is there as it was written",
        tables: at,
      },
      {
        id: ledgerLine(table.name),
        subject: { table: table.name },
        expected: entries,
        actual: entries,
        detail: "batches follow on each other, offsets never fall, epochs only rise",
        tables: at,
      },
    ];
  });
}
