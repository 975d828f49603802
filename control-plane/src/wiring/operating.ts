import type { FastifyBaseLogger } from "fastify";
import { JobReader } from "../services/jobs.ts";
import { OperationRequests } from "../services/operation-requests.ts";
import { Operations } from "../services/operations.ts";
import type { Positions } from "../services/positions.ts";
import type { Reconciler } from "../services/reconcile/reconciler.ts";
import type { Outside } from "./outside.ts";

/** What takes requests about jobs: those of people, and those that replays make. */
export interface Operating {
  jobs: JobReader;
  requests: OperationRequests;
  operations: Operations;
}

/** Wires what takes requests about jobs. */
export function createOperating(
  outside: Outside,
  { positions, reconciler, log }: { positions: Positions; reconciler: Reconciler; log: FastifyBaseLogger },
): Operating {
  const { catalog, launches, runs, events, clock, failpoint } = outside;
  const jobs = new JobReader({ catalog, runs, events, positions, launches, clock });
  const phaseOf = (application: string) => reconciler.view(application)?.decision.phase ?? null;
  const requests = new OperationRequests({ store: outside.requests, onRequest: reconciler.poke, failpoint, log });
  const operations = new Operations({ requests, store: outside.operations, runs, jobs, clock, phaseOf });
  return { jobs, requests, operations };
}
