/**
 * What differs between two generations at one position of the stream. `left` is the generation that is live, `right` the one that may take its place.
 */

/** A sum of money, exact with two digits, and the number of events that it is of. */
export interface Figure {
  revenue: string;
  event_count: string;
}

/** Only right has it, only left has it, or both with other values. */
export type ChangeKind = "added" | "removed" | "changed";

/** A figure of a window that is not the same on both sides. */
export interface WindowChange {
  kind: ChangeKind;
  window_start: string;
  window_end: string;
  plan_tier: string;
  region: string;
  currency: string;
  /** of left; null where it has no event in the window */
  before: Figure | null;
  /** of right */
  after: Figure | null;
  /** after less before */
  difference: Figure;
  /** left has said that this figure is final */
  final: boolean;
}

/** What silver says of a record, as far as it is compared and shown. */
export interface RecordState {
  outcome: string;
  reasons: string[];
  event_id: string | null;
  event_time: string | null;
  event_type: string | null;
  plan_tier: string | null;
  region: string | null;
  currency: string | null;
  amount: string | null;
  /** number of the override that let it in */
  override: string | null;
}

/** A record of which silver does not say the same on both sides. */
export interface RecordChange {
  kind: ChangeKind;
  topic: string;
  partition: number;
  offset: string;
  /** columns that differ; none where only one side has the record */
  columns: string[];
  before: RecordState | null;
  after: RecordState | null;
}

/** Records that differ, by what became of them; null: that side does not have them. */
export interface Transition {
  before: string | null;
  after: string | null;
  records: string;
}

/** All windows of one currency. */
export interface CurrencyDifference {
  currency: string;
  before: Figure;
  after: Figure;
  difference: Figure;
  windows: Record<ChangeKind, number>;
  /** what its windows gained or lost, each as a positive amount, added up: small differences cannot cancel each other out */
  moved: string;
  /** the window whose revenue changed most; null where none changed */
  largest: WindowChange | null;
}

/** What one side holds up to the position. */
export interface Side {
  generation: number;
  /** records of silver, each counted once: as what it ended as */
  records: string;
  /** distinct places of these: fewer than `records` when one was read twice */
  distinctOffsets: string;
  /** records by outcome */
  outcomes: Record<string, string>;
  /** figures of windows */
  windows: number;
  /** figures in which gold says something else than the accepted records of silver add up to */
  unsupported: number;
}

/** Details that are kept of many: all of them unless `capped`. */
export interface Kept {
  windows: { kept: number; capped: boolean };
  records: { kept: number; capped: boolean };
}

export interface DiffSummary {
  replay: string;
  left: Side;
  right: Side;
  /** what was compared: records before these offsets, by partition */
  at: Record<string, string>;
  /** records before these offsets were never to be in `right`; null where it was to have all */
  from: Record<string, string> | null;
  windows: Record<ChangeKind, number> & { unchanged: number; finalChanged: number };
  currencies: CurrencyDifference[];
  records: {
    added: string;
    removed: string;
    changed: string;
    /** of the removed, those that `right` was to have */
    missing: string;
    transitions: Transition[];
  };
  kept: Kept;
  comparedAt: string;
  durationMs: number;
}

/** Whether anything at all differs. */
export function isEmpty({ windows, records }: Pick<DiffSummary, "windows" | "records">): boolean {
  const changes = [windows.added, windows.removed, windows.changed, records.added, records.removed, records.changed];
  return changes.every((count) => BigInt(count) === 0n);
}

/** Why the two sides cannot be compared as figures of the same records, each as a sentence; none when they can. */
export function disagreements({ left, right, records }: Pick<DiffSummary, "left" | "right" | "records">): string[] {
  const sentences: string[] = [];
  for (const { generation, records: all, distinctOffsets, unsupported } of [left, right]) {
    const twice = BigInt(all) - BigInt(distinctOffsets);
    if (twice !== 0n) sentences.push(`Generation ${generation} holds ${counted(twice, "record")} more than once.`);
    if (unsupported > 0) {
      const figures = counted(BigInt(unsupported), "figure");
      sentences.push(`In ${figures} gold of generation ${generation} is not the sum of its accepted records.`);
    }
  }
  const [added, missing] = [BigInt(records.added), BigInt(records.missing)];
  if (missing > 0n)
    sentences.push(
      `Generation ${right.generation} lacks ${counted(missing, "record")} of generation ${left.generation}.`,
    );
  if (added > 0n)
    sentences.push(
      `Generation ${left.generation} lacks ${counted(added, "record")} of generation ${right.generation}.`,
    );
  return sentences;
}

/** The diff in sentences, the most important one first. */
export function describeDiff(summary: Omit<DiffSummary, "comparedAt" | "durationMs">): string[] {
  const { left, right, windows } = summary;
  const wrong = disagreements(summary);
  if (isEmpty(summary)) {
    const all = counted(BigInt(windows.unchanged), "window figure");
    return [...wrong, `No difference: ${all} and ${counted(BigInt(left.records), "record")} are the same in both.`];
  }
  return [
    ...wrong,
    describeWindows(summary),
    ...summary.currencies.filter(({ moved }) => moved !== "0.00").map(describeCurrency),
    ...describeRecords(summary),
    ...describeKept(summary.kept, right.generation),
  ];
}

function describeWindows({ windows }: Pick<DiffSummary, "windows">): string {
  const { added, removed, changed, unchanged, finalChanged } = windows;
  if (added + removed + changed === 0) return `All ${counted(BigInt(unchanged), "window figure")} are the same.`;
  const parts = [part(added, "added"), part(removed, "removed"), part(changed, "changed")].filter(
    (text) => text !== "",
  );
  const finals = finalChanged === 0 ? "none of them final" : `${finalChanged} of them final`;
  return `Window figures: ${list(parts)} (${finals}), ${unchanged} unchanged.`;
}

function describeCurrency({ currency, before, after, difference, largest }: CurrencyDifference): string {
  const events = signed(difference.event_count);
  const total = `${currency}: ${before.revenue} becomes ${after.revenue} (${signed(difference.revenue)}, ${events} ${isOne(difference.event_count) ? "event" : "events"})`;
  if (largest === null) return `${total}.`;
  const { window_start, plan_tier, region } = largest;
  return `${total}; most in the window of ${window_start}, ${plan_tier} ${region}: ${signed(largest.difference.revenue)}.`;
}

function describeRecords({ records }: Pick<DiffSummary, "records">): string[] {
  const total = BigInt(records.added) + BigInt(records.removed) + BigInt(records.changed);
  if (total === 0n) return ["Silver says the same of every record."];
  const moves = records.transitions.map(({ before, after, records: count }) => {
    if (before === null) return `${count} only in the new generation (${after})`;
    if (after === null) return `${count} no longer there (${before})`;
    return before === after
      ? `${count} ${before} as before, with other content`
      : `${count} from ${before} to ${after}`;
  });
  return [`Records that differ: ${total}: ${list(moves)}.`];
}

function describeKept({ windows, records }: Kept, generation: number): string[] {
  const sentences: string[] = [];
  if (windows.capped) sentences.push(`Listed are the ${windows.kept} figures that changed most.`);
  if (records.capped)
    sentences.push(
      `Listed are ${records.kept} of these records, some of each kind; the others are in silver of generation ${generation}.`,
    );
  return sentences;
}

function part(count: number, name: string): string {
  return count === 0 ? "" : `${count} ${name}`;
}

function counted(count: bigint, name: string): string {
  return `${count} ${name}${count === 1n ? "" : "s"}`;
}

function isOne(count: string): boolean {
  return count === "1" || count === "-1";
}

function signed(amount: string): string {
  return amount.startsWith("-") || /^0(\.0+)?$/.test(amount) ? amount : `+${amount}`;
}

function list(parts: readonly string[]): string {
  const last = parts.at(-1) ?? "";
  return parts.length < 2 ? last : `${parts.slice(0, -1).join(", ")} and ${last}`;
}
