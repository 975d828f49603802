import { Random } from "../../random.ts";
import type { Produced, RecordSource } from "../record.ts";
import { AMOUNT_CARDS } from "./amounts.ts";
import type { Card } from "./card.ts";
import { COPY_CARDS } from "./copies.ts";
import { ENVELOPE_CARDS } from "./envelopes.ts";
import { type NastyTraffic, Table, type Writers } from "./table.ts";
import { TEXT_CARDS } from "./texts.ts";
import { TIME_CARDS } from "./times.ts";

/** Everything nasty. */
export const CARDS: readonly Card[] = [...TIME_CARDS, ...AMOUNT_CARDS, ...TEXT_CARDS, ...ENVELOPE_CARDS, ...COPY_CARDS];

/** One record of so many is nasty; the others are ordinary. */
const EVERY = 8;
/** Rounds between two in which what is rare is dealt. */
const RARE_EVERY = 32;
/** How often what is still to come of a card goes before the next ordinary record. */
const OPEN_FIRST = 0.5;
const REFUNDS = 0.05;

/** So many records hold every card at least once, and all that comes behind it. */
export const LEAST_RECORDS = 2_000;

/**
 * Draws ordinary events and, as from a deck of cards, in rounds, everything nasty: so a small run has all of it, too.
 * The same traffic and times give the same records.
 */
export class NastyGenerator implements RecordSource {
  private readonly table: Table;
  private readonly random: Random;
  private readonly open: Produced[] = [];
  private deck: Card[] = [];
  private rounds = 0;
  private drawn = 0;

  constructor(traffic: NastyTraffic, writers: Writers) {
    this.random = new Random(traffic.seed);
    this.table = new Table(traffic, writers, this.random);
  }

  next(now: number): Produced {
    this.table.now = now;
    this.drawn += 1;
    if (this.drawn % EVERY === 0) return this.dealNext();
    const open = this.random.chance(OPEN_FIRST) ? this.open.shift() : undefined;
    return open ?? this.ordinary();
  }

  private ordinary(): Produced {
    const refund = this.random.chance(REFUNDS);
    const draft = this.table.draft({ refund });
    this.table.remember(draft);
    return { kind: refund ? "refund" : "plain", ...this.table.sheet(draft) };
  }

  private dealNext(): Produced {
    const card = this.deck.pop() ?? this.shuffled();
    const [first, ...rest] = card
      .deal(this.table)
      .map(({ sheet, kind = card.kind, variant = card.variant }): Produced => ({ kind, variant, ...sheet }));
    this.open.push(...rest);
    return first as Produced;
  }

  /** Begins a round. @returns its first card */
  private shuffled(): Card {
    const cards = CARDS.filter(({ rare }) => rare !== true || this.rounds % RARE_EVERY === 0);
    for (let last = cards.length - 1; last > 0; last -= 1) {
      const other = this.random.int(0, last);
      [cards[last], cards[other]] = [cards[other] as Card, cards[last] as Card];
    }
    this.rounds += 1;
    this.deck = cards;
    return this.deck.pop() as Card;
  }
}
