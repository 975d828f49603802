/** More places than these are counted and not named. */
const PLACES = 10;

/** Where something is wrong in a table's rows: a run of offsets of one partition. */
export interface Place {
  partition: number;
  first: bigint;
  last: bigint;
}

/** What checks have counted, by name, and what they have found wrong, by line. Figures of one check add up with those before it. */
export class Tally {
  private readonly figures: Map<string, bigint>;
  private readonly findings = new Map<string, string[]>();

  /** @param figures of the checks before */
  constructor(figures: Readonly<Record<string, string>> = {}) {
    this.figures = new Map(Object.entries(figures).map(([name, figure]) => [name, BigInt(figure)]));
  }

  add(name: string, figure: bigint): void {
    this.figures.set(name, this.of(name) + figure);
  }

  /** Of what is known as a whole: it does not add up with the checks before. */
  set(name: string, figure: bigint): void {
    this.figures.set(name, figure);
  }

  /** Nought where nothing was counted. */
  of(name: string): bigint {
    return this.figures.get(name) ?? 0n;
  }

  /** What follows a prefix in the names of figures, in order. */
  namesAfter(prefix: string): string[] {
    return [...this.figures.keys()]
      .filter((name) => name.startsWith(prefix))
      .map((name) => name.slice(prefix.length))
      .sort();
  }

  /** Something is wrong that belongs to a line. */
  found(line: string, text: string): void {
    this.findings.set(line, [...(this.findings.get(line) ?? []), text]);
  }

  findingsOf(line: string): readonly string[] {
    return this.findings.get(line) ?? [];
  }

  /** lines with findings */
  lines(): string[] {
    return [...this.findings.keys()];
  }

  toJSON(): Record<string, string> {
    return Object.fromEntries([...this.figures].map(([name, figure]) => [name, String(figure)]));
  }
}

/** Names places: `partition 0: offsets 7, 10-12; partition 2: …`. */
export function placesText(places: readonly Place[]): string {
  const shown = places.slice(0, PLACES);
  const byPartition = Map.groupBy(shown, ({ partition }) => partition);
  const named = [...byPartition].map(([partition, runs]) => {
    const offsets = runs.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`));
    return `partition ${partition}: offset${offsets.length === 1 && !offsets[0]?.includes("-") ? "" : "s"} ${offsets.join(", ")}`;
  });
  return [...named, ...(places.length > PLACES ? ["and more"] : [])].join("; ");
}

/** An amount in hundredths as a decimal. */
export function moneyText(hundredths: bigint): string {
  const digits = String(hundredths < 0n ? -hundredths : hundredths).padStart(3, "0");
  return `${hundredths < 0n ? "-" : ""}${digits.slice(0, -2)}.${digits.slice(-2)}`;
}

/** A decimal with two places in hundredths. */
export function hundredths(decimal: string): bigint {
  return BigInt(decimal.replace(".", ""));
}
