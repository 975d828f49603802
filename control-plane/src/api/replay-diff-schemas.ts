import { Type } from "typebox";
import type { ChangeKind, RecordState as RecordStateType } from "../domain/replay/diff.ts";
import { Nullable } from "./lists.ts";
import { nextCursor, nullable } from "./page-query.ts";

const count = (description: string, example: string) => Type.String({ description, examples: [example] });
const counts = (properties: Record<ChangeKind, string>) => ({
  added: Type.Integer({ description: properties.added, examples: [1] }),
  removed: Type.Integer({ description: properties.removed, examples: [0] }),
  changed: Type.Integer({ description: properties.changed, examples: [3] }),
});
const FIGURES = {
  added: "Figures that only the replay's generation has",
  removed: "Figures that only the live one has",
  changed: "Figures that both have, with other values",
};
const kind = Type.Unsafe<ChangeKind>({
  type: "string",
  enum: ["added", "removed", "changed"],
  description: "`added`: only the replay's generation has it; `removed`: only the live one",
});

const Figure = Type.Object(
  {
    revenue: Type.String({ description: "Exact, two digits", examples: ["1299.00"] }),
    event_count: Type.String({ examples: ["13"] }),
  },
  { description: "Revenue, and the events that it is of" },
);

export const windowChange = Type.Object(
  {
    kind,
    window_start: Type.String({ examples: ["2026-11-21T00:05:00Z"] }),
    window_end: Type.String({ examples: ["2026-11-21T00:10:00Z"] }),
    plan_tier: Type.String({ examples: ["enterprise"] }),
    region: Type.String({ examples: ["EU"] }),
    currency: Type.String({ examples: ["EUR"] }),
    before: Nullable(Figure),
    after: Nullable(Figure),
    difference: Figure,
    final: Type.Boolean({ description: "The live generation has said that it is final", examples: [true] }),
  },
  { title: "WindowChange", description: "A revenue figure that is not the same in both generations" },
);

const RecordState = Type.Object(
  {
    outcome: Type.String({ examples: ["invalid"] }),
    reasons: Type.Array(Type.String(), { examples: [["BAD_TIER"]] }),
    event_id: nullable("As decoded", "evt-42"),
    event_time: nullable("As decoded", "2026-11-21T00:05:42.120Z"),
    event_type: nullable("As decoded", "renewal"),
    plan_tier: nullable("As decoded", "enterprise"),
    region: nullable("As decoded", "EU"),
    currency: nullable("As decoded", "EUR"),
    amount: nullable("Exact", "99.00"),
    override: nullable("Number of the override that let it in", "3"),
  },
  { title: "RecordState", description: "What silver says of a record" },
);

/** Names of what is told of each side of a record. */
export const stateColumns = Object.keys(RecordState.properties) as (keyof RecordStateType)[];

export const recordChange = Type.Object(
  {
    kind,
    topic: Type.String({ examples: ["sales.events.v1"] }),
    partition: Type.Integer({ examples: [0] }),
    offset: Type.String({ examples: ["1234"] }),
    columns: Type.Array(Type.String(), {
      description: "Columns of silver that differ; none where only one generation has the record",
      examples: [["outcome", "reasons", "plan_tier"]],
    }),
    before: Nullable(RecordState),
    after: Nullable(RecordState),
  },
  { title: "RecordChange", description: "A record of which the two generations do not say the same" },
);

const comparedAt = {
  comparedAt: Type.String({
    description: "When both were compared; a later comparison begins other pages",
    examples: ["2026-11-26T02:00:00.123Z"],
  }),
};

export const windowPage = Type.Object({ items: Type.Array(windowChange), nextCursor, ...comparedAt });
export const recordPage = Type.Object({ items: Type.Array(recordChange), nextCursor, ...comparedAt });

const Side = Type.Object(
  {
    generation: Type.Integer({ examples: [1] }),
    records: count("Records of silver, each as what it ended as", "12000"),
    distinctOffsets: count("Distinct places of these: fewer when a record was read twice", "12000"),
    outcomes: Type.Record(Type.String(), Type.String(), {
      description: "Records by outcome",
      examples: [{ accepted: "11800", invalid: "200" }],
    }),
    windows: Type.Integer({ description: "Revenue figures", examples: [340] }),
    unsupported: Type.Integer({
      description: "Figures in which gold says something else than its accepted records add up to",
      examples: [0],
    }),
  },
  { description: "What one generation holds up to the position" },
);

const offsets = (description: string) =>
  Type.Record(Type.String(), Type.String(), { description, examples: [{ "0": "4000", "1": "4100", "2": "3900" }] });

const Currency = Type.Object({
  currency: Type.String({ examples: ["EUR"] }),
  before: Figure,
  after: Figure,
  difference: Figure,
  windows: Type.Object(counts(FIGURES)),
  moved: Type.String({
    description: "What its windows gained or lost, each as a positive amount, added up",
    examples: ["198.00"],
  }),
  largest: Nullable(windowChange),
});

const kept = (of: string) =>
  Type.Object(
    { kept: Type.Integer({ examples: [4] }), capped: Type.Boolean({ examples: [false] }) },
    { description: `How many ${of} are listed, and whether there are more` },
  );

export const summary = Type.Object(
  {
    replay: Type.String({ examples: ["5c259ff4-f81b-458a-8d21-562e0d610c1e"] }),
    text: Type.Array(Type.String(), {
      description: "What differs, in sentences",
      examples: [["Window figures: 2 changed (1 of them final), 338 unchanged."]],
    }),
    left: Side,
    right: Side,
    at: offsets("Records before these offsets, by partition, were compared"),
    from: Nullable(offsets("Records before these offsets were never to be in the replay's generation")),
    windows: Type.Object({
      ...counts(FIGURES),
      unchanged: Type.Integer({ examples: [338] }),
      finalChanged: Type.Integer({ description: "Of those that differ, figures said to be final", examples: [1] }),
    }),
    currencies: Type.Array(Currency, { description: "All figures by currency; they are never added up" }),
    records: Type.Object({
      added: count("Records that only the replay's generation has", "0"),
      removed: count("Records that only the live one has", "0"),
      changed: count("Records of which they do not say the same", "12"),
      missing: count("Of the removed, those that the replay's generation should have", "0"),
      transitions: Type.Array(
        Type.Object({
          before: nullable("Outcome in the live generation; null where it does not have them", "invalid"),
          after: nullable("Outcome in the replay's", "accepted"),
          records: count("How many", "12"),
        }),
        { description: "All records that differ, by what became of them" },
      ),
    }),
    kept: Type.Object({ windows: kept("windows"), records: kept("records") }),
    ...comparedAt,
    durationMs: Type.Integer({ examples: [840] }),
  },
  { title: "ReplayDiff", description: "What a replay changes" },
);
