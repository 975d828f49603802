import type { SalesEvent } from "../../contract.ts";
import type { EventEncoder } from "../../event-encoder.ts";
import type { Random } from "../../random.ts";
import { drawEvent } from "../event.ts";
import type { Produced } from "../record.ts";

/** What nasty traffic is made for. */
export interface NastyTraffic {
  /** a whole number of 32 bits */
  seed: number;
  accounts: number;
  allowedLatenessMs: number;
  allowedSkewMs: number;
  windowMs: number;
  /** of the topic */
  partitions: number;
  /** The topic keeps the records' own timestamps. Without that nothing can lie exactly at a limit, and no partition can lag. */
  keepsTimestamps: boolean;
}

/** Ways to write an event, by what registry and contract think of them. */
export interface Writers {
  contract: EventEncoder;
  /** the contract without one of its optional fields */
  earlier: EventEncoder;
  /** the contract with an optional field more: `campaign`, which may be left out */
  later: (event: SalesEvent & { campaign?: string | null }) => Buffer;
  /** id of a schema of which nothing can be read as the contract */
  foreignId: number;
  /** id of a schema that is no Avro */
  notAvroId: number;
}

/** An event with the record that it is to be sent in. */
export interface Draft extends Pick<Produced, "key" | "headers"> {
  event: SalesEvent;
  partition: number;
  /** the record's timestamp, milliseconds since 1970 */
  at: number;
}

/** A record of which it is not said yet what kind it is. */
export type Sheet = Omit<Produced, "kind" | "variant">;

/** How far the last partition lags behind the others. */
export const LAG_MS = 6 * 3_600_000;
const FIRST = 64;
const RECENT = 1024;

/** What records are made from: chance, the moment, and what was sent before. */
export class Table {
  readonly random: Random;
  readonly traffic: NastyTraffic;
  readonly writers: Writers;
  /** milliseconds since 1970 */
  now = 0;
  /** ordinary events that were sent at the very start, and last */
  private readonly first: Draft[] = [];
  private readonly recent: Draft[] = [];
  private remembered = 0;

  constructor(traffic: NastyTraffic, writers: Writers, random: Random) {
    this.traffic = traffic;
    this.writers = writers;
    this.random = random;
  }

  /** An event that keeps the contract and is punctual, with a record that fits. */
  draft(options: { refund?: boolean } = {}): Draft {
    const { random, traffic } = this;
    const account = random.int(1, traffic.accounts);
    const partition = account % traffic.partitions;
    const lags = traffic.keepsTimestamps && traffic.partitions > 1 && partition === traffic.partitions - 1;
    const at = this.now - (lags ? LAG_MS : 0);
    const times = { event: at - random.int(0, Math.min(2_000, traffic.allowedLatenessMs)), ingest: at };
    const event = drawEvent(random, times, { accounts: traffic.accounts, refund: options.refund ?? false });
    event.account_id = `acc-${String(account).padStart(6, "0")}`;
    return { event, partition, at, key: event.account_id };
  }

  /** @param value the event as the contract writes it when left out */
  sheet({ event, partition, at, key, headers }: Draft, value: Buffer | null = this.writers.contract(event)): Sheet {
    return {
      key,
      value,
      partition,
      ...(headers === undefined ? {} : { headers }),
      ...(this.traffic.keepsTimestamps ? { timestampMs: at } : {}),
    };
  }

  /** Keeps a draft that will be accepted, so that copies can be made of it. */
  remember(draft: Draft): void {
    if (this.first.length < FIRST) this.first.push(draft);
    this.recent[this.remembered % RECENT] = draft;
    this.remembered += 1;
  }

  /** A draft that was remembered among the first, or lately; a copy, so that it can be changed. */
  earlier(when: "first" | "recent"): Draft {
    const draft = this.random.pick(when === "first" ? this.first : this.recent);
    return { ...draft, event: { ...draft.event } };
  }
}
