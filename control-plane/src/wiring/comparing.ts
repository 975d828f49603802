import { join } from "node:path";
import { openComparisonEngine } from "../adapters/comparison-engine.ts";
import type { Config } from "../config.ts";
import type { Manifest } from "../domain/manifest.ts";
import { createDiffEngine, type DiffEngine } from "../services/replay/diff.ts";
import { TableHistory } from "../services/table-history.ts";
import type { Outside } from "./outside.ts";

/** Wires what compares two generations. */
export function createComparing(outside: Outside, config: Config, manifest: Manifest): DiffEngine {
  const { lakeDir, stateDir } = config;
  return createDiffEngine({
    store: outside.diffs,
    log: outside.lake,
    openEngine: () => openComparisonEngine(lakeDir, join(stateDir, "spill")),
    commits: outside.commits,
    ledger: outside.ledger,
    history: new TableHistory(outside.lake),
    lakeDir,
    topic: manifest.topics.events.name,
    windowMs: manifest.parameters.windowMs,
    clock: outside.clock,
  });
}
