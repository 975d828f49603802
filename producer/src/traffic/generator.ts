import type { SalesEvent } from "../contract.ts";
import { Random } from "../random.ts";
import { drawEvent } from "./event.ts";
import { VIOLATIONS } from "./invalid.ts";
import { ODDITIES } from "./odd.ts";
import type { Kind, Produced, RecordSource } from "./record.ts";
import { CORRUPTIONS } from "./undecodable.ts";

/** Shares of all records, but for `refunds`: of those that are neither copies nor broken. */
export interface Shares {
  refunds: number;
  duplicates: number;
  late: number;
  tooLate: number;
  future: number;
  undecodable: number;
  /** against the contract; as many again are oddly written, but valid */
  invalid: number;
}

export interface Traffic {
  /** a whole number of 32 bits */
  seed: number;
  accounts: number;
  shares: Shares;
  allowedLatenessMs: number;
  allowedSkewMs: number;
}

const COPIES_FROM = 4096;
/** Half of the default dedup horizon of an hour, so that a copy is always found to be one. */
const COPY_AGE_MS = 30 * 60_000;
const HOUR_MS = 3_600_000;
const FAR_FUTURE_MS = Date.UTC(2099, 0, 1);

/** Draws records one after the other: the same traffic and times give the same records. */
export class Generator implements RecordSource {
  private readonly random: Random;
  private readonly traffic: Traffic;
  private readonly encode: (event: SalesEvent) => Buffer;
  /** the last records that a copy can be made of, overwritten in a circle */
  private readonly recent: { at: number; record: Produced }[] = [];
  private remembered = 0;

  /** @param encode writes an event as the value of a record */
  constructor(traffic: Traffic, encode: (event: SalesEvent) => Buffer) {
    this.random = new Random(traffic.seed);
    this.traffic = traffic;
    this.encode = encode;
  }

  /** @param now milliseconds since 1970: when a punctual event would happen */
  next(now: number): Produced {
    const kind = this.drawKind();
    if (kind === "duplicate") return this.drawCopy(now) ?? this.make("plain", now);
    return this.make(kind, now);
  }

  private drawKind(): Kind {
    const { shares } = this.traffic;
    const table: [Kind, number][] = [
      ["duplicate", shares.duplicates],
      ["late", shares.late],
      ["too late", shares.tooLate],
      ["future", shares.future],
      ["undecodable", shares.undecodable],
      ["invalid", shares.invalid],
      ["odd", shares.invalid],
    ];
    let drawn = this.random.fraction();
    for (const [kind, share] of table) {
      if (drawn < share) return kind;
      drawn -= share;
    }
    return this.random.chance(shares.refunds) ? "refund" : "plain";
  }

  private drawCopy(now: number): Produced | undefined {
    if (this.recent.length === 0) return undefined;
    const { at, record } = this.random.pick(this.recent);
    return now - at <= COPY_AGE_MS ? { kind: "duplicate", key: record.key, value: record.value } : undefined;
  }

  private make(kind: Kind, now: number): Produced {
    const { random, traffic } = this;
    const refund = kind === "refund" || (kind !== "plain" && random.chance(traffic.shares.refunds));
    const event = drawEvent(
      random,
      { event: this.eventTime(kind, now), ingest: now },
      { accounts: traffic.accounts, refund },
    );
    const key = event.account_id;
    const record = { kind, key, ...this.spoil(kind, event) };
    if (kind === "plain" || kind === "refund" || kind === "late" || kind === "odd") this.remember(now, record);
    return record;
  }

  private eventTime(kind: Kind, now: number): number {
    const { random, traffic } = this;
    if (kind === "late") {
      const longest = traffic.allowedLatenessMs;
      return now - random.int(Math.min(5_000, Math.floor(longest / 2)), longest);
    }
    if (kind === "too late") return now - traffic.allowedLatenessMs - random.int(1_000, HOUR_MS);
    if (kind !== "future") return now - random.int(0, Math.min(2_000, traffic.allowedLatenessMs));
    return random.chance(0.1) ? FAR_FUTURE_MS : now + traffic.allowedSkewMs + random.int(60_000, 24 * HOUR_MS);
  }

  private spoil(kind: Kind, event: SalesEvent): Pick<Produced, "value" | "variant"> {
    const { random } = this;
    if (kind === "undecodable") {
      const variant = random.pick(Object.keys(CORRUPTIONS) as (keyof typeof CORRUPTIONS)[]);
      return { variant, value: CORRUPTIONS[variant](this.encode(event), random) };
    }
    if (kind === "invalid") {
      const variant = random.pick(Object.keys(VIOLATIONS) as (keyof typeof VIOLATIONS)[]);
      VIOLATIONS[variant](event, random);
      return { variant, value: this.encode(event) };
    }
    if (kind === "odd") {
      const variant = random.pick(["trailing", ...Object.keys(ODDITIES)] as ("trailing" | keyof typeof ODDITIES)[]);
      if (variant === "trailing")
        return { variant, value: Buffer.concat([this.encode(event), Buffer.from("left over")]) };
      ODDITIES[variant](event, random);
      return { variant, value: this.encode(event) };
    }
    return { value: this.encode(event) };
  }

  private remember(at: number, record: Produced): void {
    this.recent[this.remembered % COPIES_FROM] = { at, record };
    this.remembered += 1;
  }
}
