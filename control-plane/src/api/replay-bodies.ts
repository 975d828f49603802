import { Type } from "typebox";
import { DURATION_PATTERN } from "../domain/duration.ts";
import { JobSpecResource } from "./job-specs.ts";

const closed = { additionalProperties: false };
const OFFSETS = { "0": "915", "1": "1021", "2": "988" };

const duration = (description: string, example: string) =>
  Type.Optional(Type.String({ pattern: DURATION_PATTERN, description, examples: [example] }));

/** Offsets by partition. */
export const Vector = (description: string) =>
  Type.Record(Type.String(), Type.String(), { description, examples: [OFFSETS] });

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

/** Where the rules of a replay end. */
export const ToSchema = Type.Object(
  {
    timestamp: Type.Optional(
      Type.String({
        description: "Before the first record of each partition at or after this ISO-8601 instant",
        examples: ["2026-11-22T00:00:00Z"],
      }),
    ),
    offsets: Type.Optional(Vector("Before these offsets, one for each partition")),
    version: Type.Optional(
      Type.String({ description: "With the last record of this version of the table that it reads", examples: ["14"] }),
    ),
  },
  {
    ...closed,
    description:
      "Exactly one of these, for silver: the rules that differ are for the records before it, and later ones are judged as the live generation judges them",
    examples: [{ timestamp: "2026-11-22T00:00:00Z" }],
  },
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

export const gatesSchema = Type.Object(
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
export const specsSchema = Type.Record(
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
    to: Type.Optional(ToSchema),
    ...wishes,
    autoPromote: Type.Optional(
      Type.Boolean({ description: "Make it live by itself once it has caught up and all gates pass", default: false }),
    ),
    planHash,
  },
  { ...closed, examples: [{ job: "sales.silver", from: { beginning: true }, gates: { maxWindowsChanged: 0 } }] },
);

export const jobReplayBody = Type.Object(
  { from: Type.Optional(FromSchema), to: Type.Optional(ToSchema), ...wishes, planHash },
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
