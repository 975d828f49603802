import { Type } from "typebox";
import { DURATION_PATTERN } from "../domain/duration.ts";
import { JOB_STATES } from "../domain/lifecycle/job.ts";
import { REPLAY_STATES, SWITCH_PHASES } from "../domain/replay/state.ts";
import { JobSpecResource } from "./job-specs.ts";
import { Id, Instant, Nullable } from "./lists.ts";
import { oneOf } from "./page-query.ts";

const closed = { additionalProperties: false };
const OFFSETS = { "0": "915", "1": "1021", "2": "988" };

const duration = (description: string, example: string) =>
  Type.Optional(Type.String({ pattern: DURATION_PATTERN, description, examples: [example] }));

const Vector = (description: string) => Type.Record(Type.String(), Type.String(), { description, examples: [OFFSETS] });

/** Where a replay begins, as it is sent and as it is answered. */
export const FromSchema = Type.Object(
  {
    beginning: Type.Optional(Type.Boolean({ description: "With all that there is" })),
    timestamp: Type.Optional(
      Type.String({
        description:
          "With the first record of each partition at or after this ISO-8601 instant; for bronze and silver. Silver takes over what lies before from the live generation, bronze has nothing before",
        examples: ["2026-11-21T00:00:00Z"],
      }),
    ),
    offsets: Type.Optional(Vector("With these offsets, one for each partition; as by a timestamp")),
    version: Type.Optional(
      Type.String({
        description: "With what came after this version of the table that it reads; for silver, as by a timestamp",
        examples: ["12"],
      }),
    ),
  },
  { ...closed, description: "Exactly one of these; with the beginning when left out" },
);

const rulesSchema = Type.Object(
  {
    allowedLateness: duration("How far an event may lie before its append", "20m"),
    allowedSkew: duration("How far an event may lie after its append", "5m"),
    dedupHorizon: duration("How long copies of an event are looked for", "1h"),
    aliases: Type.Optional(
      Type.Record(Type.String(), Type.Record(Type.String(), Type.String()), {
        description: "What stands for a value of the contract, by column: all that there are to be",
        examples: [{ plan_tier: { gold: "enterprise" } }],
      }),
    ),
  },
  {
    ...closed,
    description:
      "Rules of the new generation that differ. Without them it has those that the manifest declares now, where the replay makes silver anew",
    examples: [{ allowedLateness: "20m", aliases: { plan_tier: { gold: "enterprise" } } }],
  },
);

const gatesSchema = Type.Object(
  {
    maxWindowsChanged: Type.Optional(
      Type.Integer({ minimum: 0, description: "Figures of windows that differ", examples: [10] }),
    ),
    maxRevenueChange: Type.Optional(
      Type.Record(Type.String(), Type.String(), {
        description: "By currency: what the revenue of one window may change by",
        examples: [{ USD: "100.00" }],
      }),
    ),
    maxRevenueChangeRatio: Type.Optional(
      Type.Number({ minimum: 0, description: "Of the revenue of each currency, what may move", examples: [0.01] }),
    ),
    maxRecordsChanged: Type.Optional(
      Type.Integer({ minimum: 0, description: "Records of silver that differ", examples: [100] }),
    ),
    noFinalWindowChanged: Type.Optional(Type.Boolean({ description: "No figure that was final may change" })),
  },
  {
    ...closed,
    description: "How much may change before somebody has to say that it is right",
    examples: [{ maxWindowsChanged: 10, noFinalWindowChanged: true }],
  },
);

const { application, trigger, limits, options, restart, drainTimeout } = JobSpecResource.properties;

// Open, so that other fields of a spec are refused with the reason why a replay cannot change them.
const specsSchema = Type.Record(
  Type.String(),
  Type.Object(
    {
      application: Type.Optional(application),
      trigger: Type.Optional(trigger),
      limits: Type.Optional(limits),
      options: Type.Optional(options),
      restart: Type.Optional(Type.Partial(restart, { description: "What happens when it fails" })),
      drainTimeout: Type.Optional(drainTimeout),
    },
    { description: "The fields that differ; of limits, options and restart the entries that do" },
  ),
  {
    description:
      "In what the specs of shadow jobs differ from those of the jobs that they shadow, by the latter's ids; these keep their own, also once it is promoted. `application`: a shared one, or `dedicated`: one beside the live job's, named after the shadow",
    examples: [{ "sales.silver": { limits: { maxFilesPerTrigger: 16 }, trigger: "0s", application: "dedicated" } }],
  },
);

/** What every request for a replay may say beside job and beginning. */
const wishes = {
  rules: Type.Optional(rulesSchema),
  specs: Type.Optional(specsSchema),
  gates: Type.Optional(gatesSchema),
  liveLagBound: duration("The shadow jobs wait while live jobs are further behind than this", "30s"),
  keep: duration("How long the generation before is kept once the new one is live", "7d"),
};

const planHash = Type.Optional(
  Type.String({
    pattern: "^[0-9a-f]{32}$",
    description: "Begin only if the plan still has this hash",
    examples: ["9b2f0c64a1e85d7730c1f2a94be6d805"],
  }),
);

export const replayBody = Type.Object(
  {
    job: Type.String({ description: "The job to replay, with all jobs downstream of it", examples: ["sales.silver"] }),
    from: Type.Optional(FromSchema),
    to: Type.Optional(
      Type.Object(
        {
          timestamp: Type.Optional(Type.String({ description: "Not built yet", examples: ["2026-11-22T00:00:00Z"] })),
          offsets: Type.Optional(Vector("Not built yet")),
          version: Type.Optional(Type.String({ description: "Not built yet", examples: ["14"] })),
        },
        { ...closed, description: "Where it ends: only the present is built" },
      ),
    ),
    ...wishes,
    autoPromote: Type.Optional(
      Type.Boolean({ description: "Make it live by itself once it has caught up and all gates pass", default: false }),
    ),
    planHash,
  },
  { ...closed, examples: [{ job: "sales.silver", from: { beginning: true }, gates: { maxWindowsChanged: 0 } }] },
);

export const jobReplayBody = Type.Object(
  { from: Type.Optional(FromSchema), ...wishes, planHash },
  { ...closed, description: "May be left out: from the beginning", examples: [{ gates: { maxWindowsChanged: 0 } }] },
);

/** For a job whose position is to be another one. */
export const offsetsBody = Type.Object(
  { ...FromSchema.properties, planHash },
  { ...closed, description: "Exactly one of these places", examples: [{ offsets: OFFSETS }] },
);

export const requestBody = Type.Object({}, { ...closed, description: "May be left out" });

export const promoteBody = Type.Object(
  {
    overrideGates: Type.Optional(
      Type.Object(
        {
          reason: Type.String({
            minLength: 1,
            maxLength: 1_000,
            pattern: "\\S",
            description: "Why the changes are right: it goes into the audit log",
            examples: ["Ticket 1234: tier gold means enterprise"],
          }),
        },
        { ...closed, description: "Promote it although gates fail" },
      ),
    ),
  },
  {
    ...closed,
    description: "May be left out",
    examples: [{ overrideGates: { reason: "Ticket 1234: tier gold means enterprise" } }],
  },
);

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
    position: Vector("What all live jobs of it had read when it was planned"),
    rules: Type.Object(
      {
        planned: Type.Record(Type.String(), Type.Unknown(), { examples: [{ window: "5m", allowedLateness: "20m" }] }),
        changes: Type.Array(
          Type.Object({
            rule: text(["allowedLateness"]),
            from: Type.Unknown({ examples: ["10m"] }),
            to: Type.Unknown({ examples: ["20m"] }),
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
