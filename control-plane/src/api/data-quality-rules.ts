import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import { SEVERITIES } from "../domain/alert.ts";
import { isRowRule, RULE_KINDS, type Rule } from "../domain/dq/rule.ts";
import { formatDuration } from "../domain/duration.ts";
import type { DryRun } from "../services/dq/dry-run.ts";
import type { RuleJudge, RuleState } from "../services/dq/rule-states.ts";
import { type DataQualitySummary, viewCounts } from "../services/dq/summary.ts";
import { Instant, Nullable } from "./lists.ts";
import { rangeQuery, stamp } from "./page-query.ts";

const Verdict = Type.Enum(["ok", "breached", "unknown"], { description: "unknown: nothing to judge by" });
const counts = {
  checked: Type.String({ description: "Rows that the rule looked at", examples: ["400"] }),
  failures: Type.String({ description: "Rows that failed it", examples: ["12"] }),
  rate: Nullable(Type.Number({ description: "Their share; null where no row was looked at", examples: [0.03] })),
  verdict: Verdict,
};
const CountsResource = Type.Object(counts, { title: "RuleCounts" });
const start = Type.String({ description: "Beginning of the interval", examples: ["2026-11-21T00:00:00Z"] });
const time = { from: Instant, to: Instant, grain: Type.String({ examples: ["1h"] }) };
const revision = Type.String({ description: "Of what is counted", examples: ["3f9a1c04be7d"] });

const RuleResource = Type.Object(
  {
    id: Type.String({ examples: ["amount-plausible"] }),
    kind: Type.Enum([...RULE_KINDS]),
    description: Type.String({ examples: ["Accepted amounts beyond what any plan costs"] }),
    severity: Type.Enum([...SEVERITIES]),
    definition: Type.Record(Type.String(), Type.Unknown(), {
      description: "The rest of the rule as in the file, defaults filled in",
      examples: [{ column: "amount", max: "10000", outcomes: ["accepted"], threshold: { count: 0, over: "15m" } }],
    }),
    state: Type.Object({
      verdict: Verdict,
      detail: Type.String({ examples: ["0 of 400 rows (0 %) in the last 15m, at most 0"] }),
      counts: Nullable(CountsResource),
    }),
  },
  { title: "Rule", description: "A data quality rule and how it is at present" },
);

const RulesAnswer = Type.Object(
  {
    revision,
    measured: Nullable(
      Type.Object({
        batchId: Type.String({ examples: ["42"] }),
        at: Instant,
        revision: Nullable(revision),
        isCurrent: Type.Boolean({
          description:
            "Whether it was counted by these rules; if not, the dq job has not begun anew since they changed",
        }),
      }),
    ),
    items: Type.Array(RuleResource),
    snapshot: stamp,
  },
  { description: "All rules" },
);

const SummaryAnswer = Type.Object(
  {
    ...time,
    rules: Type.Array(
      Type.Object({
        id: Type.String({ examples: ["amount-plausible"] }),
        declared: Type.Boolean({ description: "Whether there still is such a rule" }),
        total: CountsResource,
        intervals: Type.Array(Type.Object({ start, ...counts })),
      }),
      { description: "Rules over rows; intervals without a batch are left out" },
    ),
    outcomes: Type.Array(
      Type.Object({
        start,
        batches: Type.Integer({ examples: [12] }),
        records: Type.String({ examples: ["400"] }),
        outcomes: Type.Record(Type.String(), Type.String(), {
          description: "By column of the metrics",
          examples: [{ accepted: "380", duplicates: "12" }],
        }),
      }),
    ),
    totals: Type.Object({
      records: Type.String({ examples: ["400"] }),
      outcomes: Type.Record(Type.String(), Type.String(), { examples: [{ accepted: "380", duplicates: "12" }] }),
    }),
    snapshot: stamp,
  },
  { description: "What was measured, interval by interval" },
);

const side = (description: string) => Nullable(Type.Object(counts, { description }));
const sides = {
  given: side("By the rule that was given; null where there is none, or it looks at no rows"),
  present: side("By the rule that holds at present"),
};

const CheckAnswer = Type.Object(
  {
    ...time,
    revision: Type.Object({ given: revision, present: revision }),
    items: Type.Array(
      Type.Object({
        id: Type.String({ examples: ["amount-plausible"] }),
        change: Type.Enum(["new", "changed", "unchanged", "removed"]),
        note: Nullable(
          Type.String({ description: "Why nothing was counted", examples: ["Only its form was checked."] }),
        ),
        total: Type.Object(sides),
        intervals: Type.Array(Type.Object({ start, ...sides })),
      }),
    ),
    snapshot: stamp,
  },
  { description: "What the rules would have counted, beside what the present ones count" },
);

const intervals = (of: string) => ({
  ...rangeQuery(of),
  grain: Type.Optional(
    Type.String({ description: "Length of an interval, `1h` unless given; at most 1000 of them", examples: ["15m"] }),
  ),
});

interface Services {
  judge: RuleJudge;
  summary: DataQualitySummary;
  dryRun: DryRun;
}

/** `GET /v1/dq/rules`, `GET /v1/dq/summary`, `POST /v1/dq/rules/check` */
export const dataQualityRuleRoutes: FastifyPluginAsyncTypebox<Services> = async (app, { judge, summary, dryRun }) => {
  app.get(
    "/dq/rules",
    {
      schema: {
        operationId: "listDataQualityRules",
        tags: ["data quality"],
        summary: "The data quality rules and how each is at present",
        response: { 200: RulesAnswer },
      },
    },
    async () => {
      const { states, measured, snapshot } = await judge.present();
      const { revision: declared } = judge.set;
      return {
        revision: declared,
        measured: measured && {
          batchId: measured.batchId,
          at: measured.at,
          revision: measured.revision,
          isCurrent: measured.revision === declared,
        },
        items: states.map(toResource),
        snapshot,
      };
    },
  );

  app.get(
    "/dq/summary",
    {
      schema: {
        operationId: "getDataQualitySummary",
        tags: ["data quality"],
        summary: "Data quality over time: each rule and each outcome, interval by interval",
        description:
          "The last day by the hour, unless the request says otherwise; by the time at which a batch was measured.",
        querystring: Type.Object(intervals("Batches measured"), { additionalProperties: false }),
        response: { 200: SummaryAnswer },
      },
    },
    async (request) => summary.summary(request.query),
  );

  app.post(
    "/dq/rules/check",
    {
      // It changes nothing.
      config: { access: "viewer" },
      schema: {
        operationId: "checkDataQualityRules",
        tags: ["data quality"],
        summary: "Try a rule, or a whole file of rules, over past records; nothing is changed",
        description:
          "Counts the rows of the live silver table by append time: the last day by the hour, unless the request says " +
          "otherwise. An interval is judged by its own rows alone.",
        body: Type.Object(
          {
            rule: Type.Optional(
              Type.Unsafe<unknown>({
                type: "object",
                description: "One rule, as in the file",
                examples: [{ id: "amount-plausible", kind: "range", column: "amount", max: 500 }],
              }),
            ),
            file: Type.Optional(
              Type.String({ description: "Instead of a rule: the text of a file of rules", examples: ["rules: []"] }),
            ),
            ...intervals("Records appended"),
          },
          { additionalProperties: false },
        ),
        response: { 200: CheckAnswer },
      },
    },
    async (request) => dryRun.check(request.body ?? {}),
  );
};

function toResource({ rule, counts: own, verdict, detail }: RuleState) {
  const { id, kind, description, severity } = rule;
  const view = own === null ? null : { ...viewCounts(own, rule), verdict };
  return { id, kind, description, severity, definition: definitionOf(rule), state: { verdict, detail, counts: view } };
}

/** What is in the file beside id, kind, description and severity, in the file's words. */
function definitionOf(rule: Rule): Record<string, unknown> {
  const { id: _, kind: __, description: ___, severity: ____, ...rest } = rule;
  if (!isRowRule(rule)) return inWords(rest);
  const { rate, count, overMs, leastRows } = rule.threshold;
  const limit = rate === null ? { count } : { rate, leastRows };
  return { ...inWords(rest), threshold: { ...limit, over: formatDuration(overMs) } };
}

function inWords(fields: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(fields)
      .filter(([, value]) => value !== null && !(value instanceof Object && Object.keys(value).length === 0))
      .map(([name, value]) => (name.endsWith("Ms") ? [name.slice(0, -2), formatDuration(value)] : [name, value])),
  );
}
