import { Type } from "typebox";
import { JOB_STATES } from "../domain/lifecycle/job.ts";
import { REPLAY_STATES, SWITCH_PHASES } from "../domain/replay/state.ts";
import { Id, Instant, Nullable } from "./lists.ts";
import { oneOf } from "./page-query.ts";
import { FromSchema, gatesSchema, specsSchema, ToSchema, Vector } from "./replay-bodies.ts";

const stretchFields = {
  from: Nullable(Vector("The first record that it is for; null: the first of all")),
  to: Vector("The first record that it is not for any more"),
};

const text = (examples: string[]) => Type.String({ examples });
const bytes = (description: string) => Type.String({ description, examples: ["104857600"] });

export const PlanResource = Type.Object(
  {
    hash: Type.String({
      description: "Over what the replay does, and not over what moves by itself",
      examples: ["9b2f0c64a1e85d7730c1f2a94be6d805"],
    }),
    pipeline: text(["sales"]),
    job: text(["sales.silver"]),
    generation: Type.Integer({ description: "That it makes", examples: [2] }),
    parent: Type.Integer({ description: "That is live", examples: [1] }),
    jobs: Type.Array(
      Type.Object({
        job: text(["sales.silver"]),
        rows: Type.String({ description: "That it has to read, as far as is known", examples: ["120000"] }),
        specRevision: Type.Integer({ examples: [1] }),
        changes: Type.Optional(
          Type.Array(
            Type.Object({
              field: text(["limits.maxFilesPerTrigger"]),
              from: Type.Unknown({ description: "null where it is absent", examples: [64] }),
              to: Type.Unknown({ examples: [16] }),
            }),
            { description: "In which fields the shadow's spec differs; not said by plans of older releases" },
          ),
        ),
      }),
      { description: "The job and all downstream of it" },
    ),
    tables: Type.Array(
      Type.Object({
        table: text(["silver.sales_events"]),
        from: text(["gen=1/silver.sales_events"]),
        to: text(["gen=2/silver.sales_events"]),
      }),
      { description: "Tables that are made anew, with their places below the lake" },
    ),
    shared: Type.Array(
      Type.Object({ table: text(["bronze.sales_events"]), path: text(["gen=1/bronze.sales_events"]) }),
      {
        description: "Tables that both generations read",
      },
    ),
    start: Vector(
      "The first offset that is read, by partition; what lies before is taken over, or left out (see `warnings`)",
    ),
    end: Nullable(
      Vector("The first offset, by partition, that its new rules are not for any more; null: they hold from now on"),
    ),
    position: Vector("What all live jobs of it had read when it was planned"),
    rules: Type.Object(
      {
        planned: Type.Record(Type.String(), Type.Unknown(), { examples: [{ window: "5m", allowedLateness: "20m" }] }),
        changes: Type.Array(
          Type.Object({
            rule: text(["allowedLateness"]),
            from: Type.Unknown({ examples: ["10m"] }),
            to: Type.Unknown({ examples: ["20m"] }),
            stretch: Nullable(
              Type.Object(stretchFields, { description: "The records for which it is another one; null: all" }),
            ),
          }),
        ),
      },
      { description: "Rules of the new generation, and how they differ from the live one's" },
    ),
    overrides: Type.Object(
      { count: Type.Integer({ examples: [1] }), numbers: Type.Array(Type.Integer(), { examples: [[7]] }) },
      { description: "Overrides that it applies" },
    ),
    kafka: Type.Object(
      {
        needed: Type.Boolean({ description: "It reads the topic itself" }),
        earliest: Vector("That Kafka still has"),
        latest: Vector("That Kafka will give out next"),
        until: Nullable(
          Type.String({
            description: "When Kafka may delete the first record that it reads",
            examples: ["2026-11-28T00:00:00.000Z"],
          }),
        ),
      },
      { description: "Whether Kafka has what it reads" },
    ),
    disk: Type.Object(
      {
        tables: bytes("The tables that are made anew"),
        copies: bytes("Ordered copies of what is read, while it is read"),
        needed: bytes("All of that, and a rest for the live jobs"),
        free: bytes("Now"),
        enough: Type.Boolean(),
      },
      { description: "Bytes" },
    ),
    time: Type.Object(
      {
        seconds: oneOf<number | null>(["integer", "null"], { examples: [42] }),
        rowsPerSecond: oneOf<number | null>(["integer", "null"], { examples: [12000] }),
        basis: text(["the best of the last batches of sales.silver: 20000 rows in 1600 ms"]),
      },
      { description: "By what has been measured; null while nothing has" },
    ),
    warnings: Type.Array(Type.String(), { examples: [[]] }),
  },
  { title: "ReplayPlan", description: "What a replay would do, and what it takes" },
);

const GateResultResource = Type.Object({
  gate: text(["maxWindowsChanged"]),
  passed: Type.Boolean(),
  actual: text(["3"]),
  limit: text(["10"]),
  text: text(["3 window figures are added, removed or changed; allowed are 10."]),
  overridable: Type.Boolean(),
});

const ProgressResource = Type.Object(
  {
    percent: Type.Number({ description: "Of the job that is furthest behind", examples: [42.5] }),
    rowsPerSecond: Nullable(Type.Number({ examples: [12000] })),
    etaSeconds: Nullable(Type.Number({ description: "null where it cannot be told", examples: [17] })),
    jobs: Type.Array(
      Type.Object({
        job: text(["sales.silver@2"]),
        state: Type.Enum([...JOB_STATES]),
        reason: Nullable(text(["copying bronze.sales_events as it was at version 812: 40 %"])),
        through: Vector("The next offset that it will read"),
        done: text(["51000"]),
        total: text(["120000"]),
        percent: Type.Number({ examples: [42.5] }),
        rowsPerSecond: Nullable(Type.Number({ examples: [12000] })),
        etaSeconds: Nullable(Type.Number({ examples: [17] })),
      }),
    ),
  },
  { description: "How far the shadow jobs are" },
);

const summaryFields = {
  id: Id("Its address is /v1/replays/{id}"),
  job: text(["sales.silver"]),
  state: Type.Enum([...REPLAY_STATES], { description: "docs/states.md says when it is which" }),
  phase: Nullable(Type.Enum([...SWITCH_PHASES], { description: "How far an exchange of generations is" })),
  reason: Nullable(text(["waits for a decision: 3 window figures are added, removed or changed; allowed are 0."])),
  failure: Nullable(text(["sales.silver@2 failed: java.io.IOException: No space left on device"])),
  generation: Type.Integer({ description: "That it makes", examples: [2] }),
  parent: Type.Integer({ description: "That was live when it began", examples: [1] }),
  planHash: text(["9b2f0c64a1e85d7730c1f2a94be6d805"]),
  request: Type.Object(
    {
      job: text(["sales.silver"]),
      from: FromSchema,
      to: Nullable(ToSchema),
      rules: Type.Record(Type.String(), Type.Unknown(), { examples: [{}] }),
      specs: specsSchema,
      gates: gatesSchema,
      autoPromote: Type.Boolean(),
      liveLagBound: text(["30s"]),
      keep: text(["7d"]),
    },
    { description: "What was asked for" },
  ),
  target: Nullable(Vector("The position at which both generations are compared")),
  gates: Nullable(Type.Array(GateResultResource, { description: "On the newest comparison" })),
  override: Nullable(
    Type.Object(
      { by: text(["local"]), reason: text(["Ticket 1234: tier gold means enterprise"]), at: Instant },
      { description: "Who lets it through although gates fail" },
    ),
  ),
  steps: Type.Array(Type.Object({ step: text(["promoting: draining"]), at: Instant }), {
    description: "What happened, in order",
  }),
  requestedBy: text(["local"]),
  requestId: Nullable(Id("The request that asked for it")),
  createdAt: Instant,
  endedAt: Nullable(Instant),
};

export const ReplaySummaryResource = Type.Object(summaryFields, {
  title: "ReplaySummary",
  description: "A replay, as lists have it",
});

export const ReplayResource = Type.Object(
  {
    ...summaryFields,
    plan: PlanResource,
    progress: Nullable(ProgressResource),
    live: Type.Object(
      {
        lagSeconds: Nullable(Type.Number({ description: "Of the slowest live job", examples: [1.4] })),
        held: Nullable(text(["sales.gold is more than 30 s behind; goes on once it is less than 15 s"])),
      },
      { description: "The live jobs come first: while they are too far behind, the shadow jobs are held" },
    ),
    keptUntil: Nullable(
      Type.String({
        description: "Until when the generation that is not live can become live again",
        examples: ["2026-12-03T00:00:00.000Z"],
      }),
    ),
  },
  { title: "Replay", description: "A job and all downstream of it, made anew beside what is live" },
);
