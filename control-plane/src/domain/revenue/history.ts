import { fromCents } from "./amount.ts";

/** One batch's part of one window of a figure. */
export interface UpdatePart {
  batch: number;
  /** microseconds since 1970; a figure of a coarser grain has several windows */
  windowEnd: bigint;
  cents: bigint;
  events: bigint;
}

/** A commit that summed up final windows. */
export interface SummingUp {
  /** the newest batch that it sums */
  batch: number;
  /** every window that ends at or before it is final from then on; microseconds since 1970 */
  finalThrough: bigint;
  lowWatermark: string | null;
  at: string;
  version: number;
}

/** A change of a figure as answers showed it. */
export interface FigureChange {
  /** null where the ledger does not know it any more */
  at: string | null;
  /** `counted`: a batch added to it; `final`: it will change no more but by a revision; `revised`: what came after that was summed up */
  kind: "counted" | "final" | "revised";
  batch: number;
  /** by how much */
  difference: string;
  events: string;
  /** what it was from then on */
  revenue: string;
  event_count: string;
  status: "final" | "provisional";
  revision: number | null;
  /** the same as a sentence */
  text: string;
}

export interface FigureHistory {
  /** oldest first */
  changes: FigureChange[];
  /** what the figure shows in the end */
  shown: { cents: bigint; events: bigint };
  /** what batches have counted in windows that were final already, and that no later commit has summed up yet */
  pending: { cents: bigint; events: bigint };
}

interface Figure {
  /** end of the figure's own window, microseconds since 1970 */
  end: bigint;
  currency: string;
}

/**
 * How a figure came to be what it is.
 *
 * What a batch counts shows at once while its window is open. In a window that is final already it shows with the next commit of final windows, as a revision.
 * @param parts in any order
 * @param finals in order; all from the one before the oldest part on
 * @param committedAt when a batch was committed; null where that is not known
 */
export function historyOf(
  figure: Figure,
  parts: readonly UpdatePart[],
  finals: readonly SummingUp[],
  committedAt: (batch: number) => string | null,
): FigureHistory {
  const teller = new Teller(figure, committedAt);
  const pending = { cents: 0n, events: 0n };
  const counted = new Map<number, UpdatePart[]>();
  const revealed = new Map<SummingUp, UpdatePart[]>();
  for (const part of parts) {
    const before = finals.findLast(({ batch }) => batch < part.batch);
    const summing = finals.find(({ batch }) => batch >= part.batch);
    const late = before !== undefined && before.finalThrough >= part.windowEnd;
    if (!late) counted.set(part.batch, [...(counted.get(part.batch) ?? []), part]);
    else if (summing !== undefined) revealed.set(summing, [...(revealed.get(summing) ?? []), part]);
    else {
      pending.cents += part.cents;
      pending.events += part.events;
    }
  }
  const batches = [...counted.keys()].sort((a, b) => a - b);
  for (const final of [...finals, undefined]) {
    while (batches[0] !== undefined && (final === undefined || batches[0] <= final.batch)) {
      const batch = batches.shift() as number;
      teller.counted(batch, counted.get(batch) ?? []);
    }
    if (final !== undefined) teller.summedUp(final, revealed.get(final) ?? []);
  }
  return { changes: teller.changes, shown: teller.shown, pending };
}

/** Tells a figure's changes in the order in which they happened. */
class Teller {
  readonly changes: FigureChange[] = [];
  readonly shown = { cents: 0n, events: 0n };
  private isFinal = false;
  private exists = false;
  /** by end of window */
  private readonly revisions = new Map<bigint, number>();
  private readonly open = new Set<bigint>();
  private readonly figure: Figure;
  private readonly committedAt: (batch: number) => string | null;

  constructor(figure: Figure, committedAt: (batch: number) => string | null) {
    this.figure = figure;
    this.committedAt = committedAt;
  }

  counted(batch: number, parts: readonly UpdatePart[]): void {
    for (const { windowEnd } of parts) this.open.add(windowEnd);
    const before = this.money();
    const added = this.add(parts);
    const what = `batch ${batch} counted ${eventsOf(added.events, this.exists)} worth ${this.money(added.cents)}`;
    const change = this.exists ? `${before} became ${this.money()}` : "the first ones of this figure";
    this.exists = true;
    this.tell("counted", this.committedAt(batch), batch, added, `${what}: ${change}`);
  }

  summedUp(final: SummingUp, parts: readonly UpdatePart[]): void {
    const closes = [...this.open].filter((end) => end <= final.finalThrough);
    for (const end of closes) this.open.delete(end);
    for (const end of new Set([...closes, ...parts.map(({ windowEnd }) => windowEnd)])) {
      this.revisions.set(end, (this.revisions.get(end) ?? 0) + 1);
    }
    const before = this.money();
    const added = this.add(parts);
    const becomesFinal = !this.isFinal && final.finalThrough >= this.figure.end;
    this.isFinal ||= becomesFinal;
    const { at, batch } = final;
    if (parts.length > 0) {
      const from = batchesOf(parts);
      const late = `${from} had counted ${eventsOf(added.events, this.exists)} worth ${this.money(added.cents)} after the window was final`;
      const change = this.exists ? `${before} became ${this.money()}` : "the first ones of this figure";
      this.exists = true;
      this.tell("revised", at, batch, added, `${late}; this was summed up: ${change}, revision ${this.revision()}`);
    } else if (becomesFinal && this.exists) {
      const read =
        final.lowWatermark === null ? "" : `: everything appended before ${final.lowWatermark} had been read`;
      this.tell("final", at, batch, added, `it became final at ${before}${read}`);
    }
  }

  private add(parts: readonly UpdatePart[]): { cents: bigint; events: bigint } {
    const cents = parts.reduce((sum, part) => sum + part.cents, 0n);
    const events = parts.reduce((sum, part) => sum + part.events, 0n);
    this.shown.cents += cents;
    this.shown.events += events;
    return { cents, events };
  }

  private tell(
    kind: FigureChange["kind"],
    at: string | null,
    batch: number,
    added: { cents: bigint; events: bigint },
    text: string,
  ): void {
    this.changes.push({
      ...{ at, kind, batch, difference: fromCents(added.cents), events: added.events.toString() },
      revenue: fromCents(this.shown.cents),
      event_count: this.shown.events.toString(),
      status: this.isFinal ? "final" : "provisional",
      revision: this.isFinal ? this.revision() : null,
      text: `${at === null ? "At a time that the ledger does not know any more" : `At ${at}`} ${text}.`,
    });
  }

  private revision(): number {
    return Math.max(...this.revisions.values());
  }

  private money(cents = this.shown.cents): string {
    return `${fromCents(cents)} ${this.figure.currency}`;
  }
}

function eventsOf(events: bigint, more: boolean): string {
  return `${events} ${more ? "more " : ""}${events === 1n ? "event" : "events"}`;
}

function batchesOf(parts: readonly UpdatePart[]): string {
  const batches = [...new Set(parts.map(({ batch }) => batch))].sort((a, b) => a - b);
  if (batches.length === 1) return `batch ${batches[0]}`;
  return batches.length <= 5
    ? `batches ${batches.slice(0, -1).join(", ")} and ${batches.at(-1)}`
    : `${batches.length} batches from ${batches[0]} to ${batches.at(-1)}`;
}
