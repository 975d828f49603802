/** A header of a record; names may repeat. */
export interface Header {
  key: string;
  value: Uint8Array | null;
}

/** A record as it goes to a topic. */
export interface OutgoingRecord {
  key: Uint8Array | null;
  value: Uint8Array | null;
  headers: Header[];
  /** undefined: the key decides */
  partition?: number;
}

/** Before the names of headers that Penstock adds. */
export const OWN_HEADER = "penstock.";

/** @returns headers of ours, without those that there is nothing to say in */
export function ownHeaders(values: Record<string, string | number | null>): Header[] {
  const text = new TextEncoder();
  return Object.entries(values).flatMap(([name, value]) =>
    value === null ? [] : [{ key: `${OWN_HEADER}${name}`, value: text.encode(String(value)) }],
  );
}

/** What a batch of one record adds to the record itself. */
const BATCH_BYTES = 100;
/** Lengths and deltas of a record, and of one header. */
const RECORD_BYTES = 32;
const HEADER_BYTES = 10;

/** Bytes that a record takes up in a request of its own, at most: a topic's `max.message.bytes` limits them. */
export function bytesOf({ key, value, headers }: OutgoingRecord): number {
  const text = new TextEncoder();
  const inHeaders = headers.reduce(
    (sum, header) => sum + HEADER_BYTES + text.encode(header.key).length + (header.value?.length ?? 0),
    0,
  );
  return BATCH_BYTES + RECORD_BYTES + (key?.length ?? 0) + (value?.length ?? 0) + inHeaders;
}

/** Splits records into as few requests as fit, in their order; a record that is too large alone is alone. */
export function splitBySize(records: OutgoingRecord[], maxBytes: number): OutgoingRecord[][] {
  const requests: OutgoingRecord[][] = [];
  let room = 0;
  for (const record of records) {
    const size = bytesOf(record);
    if (size > room || requests.length === 0) {
      requests.push([]);
      room = maxBytes;
    }
    requests.at(-1)?.push(record);
    room -= size;
  }
  return requests;
}
