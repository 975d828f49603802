import { Type } from "typebox";

export const DEFAULT_LIMIT = 1_000;
export const MAX_LIMIT = 10_000;

/** How many rows an answer has at most, and where it goes on. */
export const pageQuery = {
  limit: Type.Integer({
    minimum: 1,
    maximum: MAX_LIMIT,
    default: DEFAULT_LIMIT,
    description: "At most this many rows",
    examples: [100],
  }),
  cursor: Type.Optional(
    Type.String({ description: "`nextCursor` of the answer before, to a request with the same grain and order" }),
  ),
};

/** A range of instants; checked by the service, which says what was expected. */
export const rangeQuery = (of: string) => ({
  from: Type.Optional(
    Type.String({
      description: `${of} at or after this ISO-8601 instant with zone (in a URL, \`+\` is written \`%2B\`)`,
      examples: ["2026-11-21T00:00:00Z"],
    }),
  ),
  to: Type.Optional(
    Type.String({ description: `${of} before this ISO-8601 instant with zone`, examples: ["2026-11-22T00:00:00Z"] }),
  ),
});

/** One schema of several types, not an alternative of schemas: serialising an alternative validates every value. */
export const oneOf = <T>(type: string[], options: object) => Type.Unsafe<T>({ type, ...options });

export const nullable = (description: string, example: string) =>
  oneOf<string | null>(["string", "null"], { description, examples: [example] });

export const nextCursor = nullable(
  "Give it as `cursor` to get the next page; null on the last one",
  "WyJyZXZlbnVlIGFzYyAzMDAwMDAiXQ",
);

export const stampProperties = {
  generation: Type.Integer({ description: "The live generation that was read", examples: [1] }),
  lowWatermark: nullable("Every record appended to the topic before it has been counted", "2026-11-21T00:24:00.123Z"),
  tables: Type.Record(Type.String(), Type.Object({ version: oneOf<number | null>(["integer", "null"], {}) }), {
    description: "The version of each table that was read; null while it does not exist",
    examples: [{ "gold.revenue_5m": { version: 3 } }],
  }),
};

/** What an answer was made from. */
export const stamp = Type.Object(stampProperties, { description: "What this answer was made from" });
