import { randomUUID } from "node:crypto";
import type { TypeBoxTypeProvider } from "@fastify/type-provider-typebox";
import fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from "fastify";
import { type AccessOptions, registerAccess } from "./api/access.ts";
import { alertRoutes } from "./api/alerts.ts";
import { applicationRoutes } from "./api/applications.ts";
import { auditRoutes } from "./api/audit.ts";
import { auditLogRoutes } from "./api/audit-log.ts";
import { registerBodies } from "./api/bodies.ts";
import { checkpointRoutes } from "./api/checkpoints.ts";
import { clusterRoutes } from "./api/cluster.ts";
import { dataQualityRoutes } from "./api/data-quality.ts";
import { dataQualityRuleRoutes } from "./api/data-quality-rules.ts";
import { eventRoutes } from "./api/events.ts";
import { generationRoutes } from "./api/generations.ts";
import { healthRoutes } from "./api/health.ts";
import { jobSpecRoutes } from "./api/job-specs.ts";
import { jobRoutes } from "./api/jobs.ts";
import { logRoutes } from "./api/logs.ts";
import { registerMetrics } from "./api/metrics.ts";
import { offsetRoutes } from "./api/offsets.ts";
import { registerOpenApi } from "./api/openapi.ts";
import { operationRoutes } from "./api/operations.ts";
import { overrideRoutes } from "./api/overrides.ts";
import { platformRoutes } from "./api/platform.ts";
import { answerUnreadablePath, registerProblems } from "./api/problems.ts";
import { progressRoutes } from "./api/progress.ts";
import { publicationRoutes } from "./api/publications.ts";
import { quarantineRoutes } from "./api/quarantine.ts";
import { reconciliationRoutes } from "./api/reconciliation.ts";
import { replayDiffRoutes } from "./api/replay-diffs.ts";
import { replayRoutes } from "./api/replays.ts";
import { registerRequestLog } from "./api/request-log.ts";
import { revenueRoutes } from "./api/revenue.ts";
import { revenueExplainRoutes } from "./api/revenue-explain.ts";
import { runnerRoutes } from "./api/runner.ts";
import { runRoutes } from "./api/runs.ts";
import { schemaRoutes } from "./api/schemas.ts";
import { registerSecurity, type SecurityOptions } from "./api/security.ts";
import { serviceRoutes } from "./api/services.ts";
import { sqlRoutes } from "./api/sql.ts";
import { tokenRoutes } from "./api/tokens.ts";
import { registerValidation } from "./api/validation.ts";
import type { Alerts } from "./services/alerts.ts";
import type { ApplicationRestarts } from "./services/application-restarts.ts";
import type { AuditLog } from "./services/audit-log.ts";
import type { Checkpoints } from "./services/checkpoints.ts";
import type { Cluster } from "./services/cluster.ts";
import type { DataQuality } from "./services/data-quality.ts";
import type { DryRun } from "./services/dq/dry-run.ts";
import type { RuleJudge } from "./services/dq/rule-states.ts";
import type { DataQualitySummary } from "./services/dq/summary.ts";
import type { EventFeed } from "./services/event-feed.ts";
import type { Generations } from "./services/generations/generations.ts";
import type { Health } from "./services/health.ts";
import type { JobReader } from "./services/jobs.ts";
import type { Logs } from "./services/logs.ts";
import type { Metrics } from "./services/metrics.ts";
import type { Operations } from "./services/operations.ts";
import type { Outcomes } from "./services/outcomes.ts";
import type { Overrides } from "./services/overrides.ts";
import type { Platform } from "./services/platform.ts";
import type { Publications } from "./services/publications/publications.ts";
import type { Quarantine } from "./services/quarantine.ts";
import type { Reconciliation } from "./services/reconciliation/reconciliation.ts";
import type { DiffPages } from "./services/replay/diff-pages.ts";
import type { Replays } from "./services/replay/replays.ts";
import type { Explanations } from "./services/revenue/explain.ts";
import type { Revenue } from "./services/revenue/windows.ts";
import type { RunnerSync } from "./services/runner-sync.ts";
import type { StackServices } from "./services/runtime/stack-services.ts";
import type { Schemas } from "./services/schemas.ts";
import type { Sources } from "./services/sources.ts";
import type { ApplicationSpecs } from "./services/specs/application-specs.ts";
import type { JobSpecs } from "./services/specs/job-specs.ts";
import type { SqlQueries } from "./services/sql/queries.ts";
import type { Tokens } from "./services/tokens.ts";

/** Everything that the routes need. */
export interface AppServices {
  jobs: JobReader;
  checkpoints: Checkpoints;
  jobSpecs: JobSpecs;
  sources: Sources;
  logs: Logs;
  applicationSpecs: ApplicationSpecs;
  applicationRestarts: ApplicationRestarts;
  operations: Operations;
  replays: Replays;
  generations: Generations;
  platform: Platform;
  cluster: Cluster;
  stack: StackServices;
  schemas: Schemas;
  publications: Publications;
  revenue: Revenue;
  explanations: Explanations;
  dataQuality: DataQuality;
  sql: SqlQueries;
  qualityRules: { judge: RuleJudge; summary: DataQualitySummary; dryRun: DryRun };
  outcomes: Outcomes;
  quarantine: Quarantine;
  alerts: Alerts;
  reconciliation: Reconciliation;
  diffs: DiffPages;
  overrides: Overrides;
  auditLog: AuditLog;
  health: () => Promise<Health>;
  sync: RunnerSync;
  feed: EventFeed;
  tokens: Tokens;
  metrics: Metrics;
}

export interface AppOptions {
  security: SecurityOptions;
  access: AccessOptions;
  runnerToken: string;
  logger: FastifyBaseLogger;
}

const BODY_LIMIT = 64 * 1024;

/** The map of the HTTP side: every plugin and every route by name. */
export async function buildApp(services: AppServices, options: AppOptions): Promise<FastifyInstance> {
  const app = fastify({
    loggerInstance: options.logger,
    genReqId: () => randomUUID(),
    bodyLimit: BODY_LIMIT,
    frameworkErrors: answerUnreadablePath,
    // registerRequestLog says less, and says it once.
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: "requestId" }),
    // A restart must not wait for browsers that keep their connections.
    forceCloseConnections: true,
  }).withTypeProvider<TypeBoxTypeProvider>();

  registerProblems(app);
  registerRequestLog(app);
  await registerSecurity(app, options.security);
  await registerAccess(app, services.tokens, options.access);
  registerBodies(app);
  registerValidation(app);
  await registerOpenApi(app);
  registerMetrics(app, services.metrics);

  await app.register(healthRoutes, { health: services.health });
  await app.register(jobRoutes, { prefix: "/v1", jobs: services.jobs });
  await app.register(runRoutes, { prefix: "/v1", jobs: services.jobs });
  await app.register(progressRoutes, { prefix: "/v1", jobs: services.jobs });
  await app.register(offsetRoutes, { prefix: "/v1", sources: services.sources });
  await app.register(logRoutes, { prefix: "/v1", logs: services.logs });
  await app.register(checkpointRoutes, { prefix: "/v1", checkpoints: services.checkpoints });
  await app.register(jobSpecRoutes, { prefix: "/v1", specs: services.jobSpecs });
  await app.register(operationRoutes, {
    prefix: "/v1",
    operations: services.operations,
    restarts: services.applicationRestarts,
  });
  await app.register(replayRoutes, { prefix: "/v1", replays: services.replays });
  await app.register(replayDiffRoutes, { prefix: "/v1", diffs: services.diffs });
  await app.register(generationRoutes, { prefix: "/v1", generations: services.generations });
  await app.register(eventRoutes, { prefix: "/v1", feed: services.feed });
  await app.register(revenueRoutes, { prefix: "/v1", revenue: services.revenue });
  await app.register(revenueExplainRoutes, { prefix: "/v1", explanations: services.explanations });
  await app.register(dataQualityRoutes, { prefix: "/v1", dataQuality: services.dataQuality });
  await app.register(dataQualityRuleRoutes, { prefix: "/v1", ...services.qualityRules });
  await app.register(alertRoutes, { prefix: "/v1", alerts: services.alerts });
  await app.register(sqlRoutes, { prefix: "/v1", sql: services.sql });
  await app.register(quarantineRoutes, { prefix: "/v1", quarantine: services.quarantine });
  await app.register(overrideRoutes, { prefix: "/v1", overrides: services.overrides });
  await app.register(auditRoutes, { prefix: "/v1", outcomes: services.outcomes });
  await app.register(reconciliationRoutes, { prefix: "/v1", reconciliation: services.reconciliation });
  await app.register(auditLogRoutes, { prefix: "/v1", auditLog: services.auditLog });
  await app.register(applicationRoutes, {
    prefix: "/v1",
    platform: services.platform,
    specs: services.applicationSpecs,
  });
  await app.register(platformRoutes, { prefix: "/v1", platform: services.platform });
  await app.register(publicationRoutes, { prefix: "/v1", publications: services.publications });
  await app.register(clusterRoutes, { prefix: "/v1", cluster: services.cluster });
  await app.register(serviceRoutes, { prefix: "/v1", stack: services.stack });
  await app.register(schemaRoutes, { prefix: "/v1", schemas: services.schemas });
  await app.register(tokenRoutes, { prefix: "/v1", tokens: services.tokens });
  await app.register(runnerRoutes, { prefix: "/runner/v1", sync: services.sync, token: options.runnerToken });
  return app as unknown as FastifyInstance;
}
