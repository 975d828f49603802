import type { Random } from "../random.ts";

/** Nobody registers that many schemas, so no registry knows these ids. */
const UNKNOWN_IDS = [0x7fff_0001, 0x7fff_0002, -1];

/** From a good record value to one that cannot be decoded. */
export const CORRUPTIONS = {
  wrong_magic: (value: Buffer, random: Random): Buffer | null => {
    const corrupt = Buffer.from(value);
    corrupt[0] = random.pick([1, 0x7b, 0xff]);
    return corrupt;
  },
  too_short: (value: Buffer, random: Random): Buffer | null => value.subarray(0, random.int(1, 4)),
  unknown_schema_id: (value: Buffer, random: Random): Buffer | null => {
    const corrupt = Buffer.from(value);
    corrupt.writeInt32BE(random.pick(UNKNOWN_IDS), 1);
    return corrupt;
  },
  truncated: (value: Buffer, random: Random): Buffer | null => value.subarray(0, random.int(5, value.length - 1)),
  negative_length: (value: Buffer, _random: Random): Buffer | null => {
    const corrupt = Buffer.from(value);
    corrupt[5] = 1; // -1 as the length of the first field
    return corrupt;
  },
  huge_length: (value: Buffer, _random: Random): Buffer | null =>
    // 2^31 - 20 as the length of the first field: a decoder that believes it runs out of memory.
    Buffer.concat([value.subarray(0, 5), Buffer.from([0xd8, 0xff, 0xff, 0xff, 0x0f])]),
  empty: (_value: Buffer, _random: Random): Buffer | null => Buffer.alloc(0),
  null: (_value: Buffer, _random: Random): Buffer | null => null,
};
