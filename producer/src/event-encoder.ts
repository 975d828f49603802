import avro from "avsc";
import { readContract, type SalesEvent } from "./contract.ts";

const SLAB_BYTES = 256 * 1024;
const PREFIX_BYTES = 5;

export type EventEncoder = (event: SalesEvent) => Buffer;

/**
 * Writes events as record values: a zero byte, the schema's id in four bytes, Avro (Confluent's wire format).
 * The registry's client does the same, but asynchronously for each event, which costs half of the rate.
 * @param schema that the events are written with, as JSON text; the contract when left out
 */
export function createEncoder(schemaId: number, schema = readContract()): EventEncoder {
  const type = avro.Type.forSchema(JSON.parse(schema));
  // Values share buffers: one allocation for a thousand events instead of three for each.
  let slab = Buffer.allocUnsafe(SLAB_BYTES);
  let used = 0;
  return function encode(event): Buffer {
    const end = type.encode(event, slab, used + PREFIX_BYTES);
    if (end < 0) {
      // How many bytes were missing is all that a negative end says.
      const needed = slab.length - used - end;
      slab = Buffer.allocUnsafe(Math.max(SLAB_BYTES, needed));
      used = 0;
      return encode(event);
    }
    slab[used] = 0;
    slab.writeInt32BE(schemaId, used + 1);
    const value = slab.subarray(used, end);
    used = end;
    return value;
  };
}
