import type { FastifyBaseLogger } from "fastify";
import { removeFolder } from "../adapters/folders.ts";
import { createGenerationPositions } from "../adapters/postgres/generation-positions.ts";
import { createLedgerStore } from "../adapters/postgres/ledger.ts";
import { createReplayStore } from "../adapters/postgres/replays.ts";
import type { Config } from "../config.ts";
import type { Manifest } from "../domain/manifest.ts";
import { rulesOf } from "../services/first-boot.ts";
import { Collector } from "../services/generations/collector.ts";
import { Generations } from "../services/generations/generations.ts";
import type { Operations } from "../services/operations.ts";
import type { Positions } from "../services/positions.ts";
import { ReplayActions } from "../services/replay/actions.ts";
import { Comparisons } from "../services/replay/comparisons.ts";
import type { DiffEngine } from "../services/replay/diff.ts";
import { ReplayEngine } from "../services/replay/engine.ts";
import { createLiveFacts } from "../services/replay/live-facts.ts";
import { type LagOf, LiveGuard } from "../services/replay/live-guard.ts";
import { ReplayPlanner } from "../services/replay/planner.ts";
import { ProgressEvents } from "../services/replay/progress-events.ts";
import { Replays } from "../services/replay/replays.ts";
import { Situations } from "../services/replay/situation.ts";
import type { Snapshots } from "../services/snapshots.ts";
import { Room } from "../services/specs/room.ts";
import type { Outside } from "./outside.ts";

/** What replaying needs beside the outside. */
export interface ReplayingParts {
  config: Config;
  manifest: Manifest;
  positions: Positions;
  operations: Operations;
  snapshots: Snapshots;
  diff: DiffEngine;
  /** told when something is wanted of jobs */
  onJobs: () => void;
  log: FastifyBaseLogger;
}

/** What answers about replays and generations, and what leads them; only the control plane that decides starts it. */
export interface Replaying {
  replays: Replays;
  generations: Generations;
  start(): void;
  stop(): Promise<void>;
}

/** Wires replays. */
export function createReplaying(outside: Outside, parts: ReplayingParts): Replaying {
  const { config, manifest, positions, operations, snapshots, diff, onJobs, log } = parts;
  const {
    catalog,
    runs,
    clock,
    failpoint,
    journal,
    topics,
    registry,
    database,
    generations: generationStore,
  } = outside;
  const [pipeline, topic, subject] = [manifest.name, manifest.topics.events.name, manifest.contract.subject];
  const store = createReplayStore(database);
  const ledger = createGenerationPositions(database, topic);
  const situations = new Situations({ generations: generationStore, catalog, runs, positions: ledger, clock });
  const comparisons = new Comparisons(diff, () => engine.poke());
  const lagOf: LagOf = async (job) => (await positions.lag(job, (await positions.placements())(job))).seconds;
  const engine: ReplayEngine = new ReplayEngine({
    pipeline,
    store,
    situations,
    comparisons,
    actions: new ReplayActions({
      generations: generationStore,
      situations,
      runs,
      operations,
      comparisons,
      topic,
      clock,
    }),
    guard: new LiveGuard({ generations: generationStore, lagOf, log }),
    progress: new ProgressEvents({ situations, journal, clock }),
    onChange: onJobs,
    failpoint,
    log,
  });
  const collector = new Collector({
    pipeline,
    store: generationStore,
    remove: removeFolder,
    lakeDir: config.lakeDir,
    checkpointDir: config.checkpointDir,
    clock,
    log,
  });
  const planner = new ReplayPlanner({
    pipeline,
    topic,
    subject,
    declared: rulesOf(manifest),
    catalog,
    generations: generationStore,
    positions: ledger,
    ledger: createLedgerStore(database),
    topics,
    facts: createLiveFacts({ snapshots, journal, files: outside.dataFiles }),
    standingOverrides: () => outside.overrides.standing(pipeline),
    async unknownSchemas(ids) {
      const known = await Promise.all(ids.map(async (id) => ({ id, isKnown: await registry.knows(id) })));
      return known.filter(({ isKnown }) => !isKnown).map(({ id }) => id);
    },
    freeBytes: outside.freeBytes,
    room: new Room(catalog, outside.master),
    clock,
  });
  return {
    replays: new Replays({
      pipeline,
      store,
      planner,
      generations: generationStore,
      situations,
      catalog,
      lagOf,
      clock,
      onChange: engine.poke,
      failpoint,
      log,
    }),
    generations: new Generations({ pipeline, store: generationStore, onDiscard: collector.poke, log }),
    start() {
      engine.start();
      collector.start();
    },
    async stop() {
      await Promise.all([engine.stop(), collector.stop()]);
    },
  };
}
