import avro, { type Schema } from "avsc";
import { formatInstant, parseInstant } from "../domain/delta/instant.ts";
import type { RecordEncoder } from "../services/publications/feeds/final-windows.ts";

/**
 * Encodes rows as Confluent's clients expect Avro: a zero byte, the schema's id, the record. Instants are given as ISO-8601, decimals as exact
 * text: neither passes through a floating-point number.
 * @param register tells the id of the schema; asked until it answers once
 */
export function createAvroEncoder(schema: string, register: () => Promise<number>): RecordEncoder {
  const type = avro.Type.forSchema(JSON.parse(schema) as Schema, { logicalTypes: LOGICAL_TYPES });
  let prefix: Promise<Buffer> | null = null;
  return {
    async encode(value) {
      prefix ??= register().then((id) => {
        const bytes = Buffer.alloc(5);
        bytes.writeInt32BE(id, 1);
        return bytes;
      });
      const known = await prefix.catch((error: unknown) => {
        prefix = null;
        throw error;
      });
      return Buffer.concat([known, type.toBuffer(value)]);
    },
  };
}

/** Unscaled two's complement, big-endian, in as few bytes as hold it. */
class Decimal extends avro.types.LogicalType {
  private readonly scale: number;

  constructor(schema: Schema, options?: unknown) {
    super(schema, options as never);
    this.scale = (schema as { scale?: number }).scale ?? 0;
  }

  protected override _toValue(text: string): Buffer {
    const match = /^(-?)(\d+)(?:\.(\d+))?$/.exec(text);
    const fraction = match?.[3] ?? "";
    if (match === null || fraction.length > this.scale) throw new Error(`${text} is no decimal of scale ${this.scale}`);
    const unscaled = BigInt(`${match[1]}${match[2]}${fraction.padEnd(this.scale, "0")}`);
    return twosComplement(unscaled);
  }

  protected override _fromValue(bytes: Buffer): string {
    const unscaled = BigInt.asIntN(bytes.length * 8, BigInt(`0x${bytes.toString("hex") || "0"}`));
    const digits = (unscaled < 0n ? -unscaled : unscaled).toString().padStart(this.scale + 1, "0");
    const whole = digits.slice(0, digits.length - this.scale);
    const fraction = this.scale === 0 ? "" : `.${digits.slice(-this.scale)}`;
    return `${unscaled < 0n ? "-" : ""}${whole}${fraction}`;
  }

  protected override _resolve(): undefined {
    return undefined;
  }
}

function twosComplement(value: bigint): Buffer {
  let bytes = 1;
  while (BigInt.asIntN(bytes * 8, value) !== value) bytes += 1;
  return Buffer.from(
    BigInt.asUintN(bytes * 8, value)
      .toString(16)
      .padStart(bytes * 2, "0"),
    "hex",
  );
}

class Micros extends avro.types.LogicalType {
  protected readonly perUnit: bigint = 1n;

  protected override _toValue(text: string): number {
    const micros = parseInstant(text);
    if (micros === undefined) throw new Error(`${text} is no instant`);
    return Number(micros / this.perUnit);
  }

  protected override _fromValue(value: number): string {
    return formatInstant(BigInt(value) * this.perUnit);
  }

  protected override _resolve(): undefined {
    return undefined;
  }
}

class Millis extends Micros {
  protected override readonly perUnit: bigint = 1_000n;
}

/** How avsc reads and writes what Avro itself has no types for. */
export const LOGICAL_TYPES = { decimal: Decimal, "timestamp-millis": Millis, "timestamp-micros": Micros };
