/** An override as the database has it, for one generation of a table up to a version. */
export interface BookedOverride {
  number: number;
  partition: number;
  offset: string;
  /** `applied`: its row must be there; `refused`: must not be; `open`: may be, for nobody has told of it yet */
  state: "applied" | "refused" | "open";
  /** the commit that let the record in, where it is known */
  version: number | null;
}

/** A row of a table that says which override let it in. */
export interface LetInRow {
  number: number;
  partition: number;
  offset: string;
  rows: number;
}

/** What the rows that were let in should be, beside what they are. */
export interface OverrideBooks {
  /** how many rows there should be, when there are `rows` */
  expected: bigint;
  /** rows of which nobody has told yet */
  untold: bigint;
  wrong: string[];
}

/**
 * Compares rows that were let in with what the database says is applied.
 * @param rows all of them so far; `found` are those that came after the version `after`, or all
 * @param after null when `found` has all
 */
export function compareOverrides(
  booked: readonly BookedOverride[],
  rows: bigint,
  found: readonly LetInRow[],
  after: number | null,
): OverrideBooks {
  const books = new Map(booked.map((override) => [override.number, override]));
  const seen = new Set(found.map(({ number }) => number));
  const applied = booked.filter(({ state }) => state === "applied");
  const isNew = ({ version }: BookedOverride) => after === null || (version !== null && version > after);
  const missing = applied.filter((override) => isNew(override) && !seen.has(override.number));
  const most = BigInt(booked.filter(({ state }) => state !== "refused").length);
  const least = BigInt(applied.length);
  const expected = rows < least ? least : rows > most ? most : rows;
  return {
    expected,
    untold: expected - least,
    wrong: [
      ...missing.map((override) => `${nameOf(override)} was applied, and no row has it`),
      ...found.flatMap((row) => problemOf(row, books.get(row.number))),
    ],
  };
}

function problemOf(row: LetInRow, override: BookedOverride | undefined): string[] {
  if (override === undefined) return [`${nameOf(row)} has a row, and nobody has decided it`];
  if (override.partition !== row.partition || override.offset !== row.offset) {
    return [`${nameOf(row)} has a row; it was decided for partition ${override.partition}, offset ${override.offset}`];
  }
  if (override.state === "refused") return [`${nameOf(row)} has a row, though it was refused`];
  return row.rows > 1 ? [`${nameOf(row)} has ${row.rows} rows`] : [];
}

function nameOf({ number, partition, offset }: LetInRow | BookedOverride): string {
  return `override ${number} (partition ${partition}, offset ${offset})`;
}
