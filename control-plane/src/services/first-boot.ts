import { isDeepStrictEqual } from "node:util";
import type { Compatibility } from "../domain/compatibility.ts";
import { formatDuration } from "../domain/duration.ts";
import { tablePath } from "../domain/layout.ts";
import type { Manifest, PipelineParameters } from "../domain/manifest.ts";
import { subjectOf } from "../domain/publications/publication-spec.ts";
import { leastHorizonMs } from "../domain/replay/rules.ts";
import type { Aliases } from "../domain/specs/alias-spec.ts";
import type { Log } from "./log.ts";
import type { CatalogStore, SchemaRegistry, Topics } from "./ports.ts";
import type { GenerationRow } from "./rows.ts";

export interface FirstBootDeps {
  manifest: Manifest;
  /** the reader schema of the contract, JSON text */
  contractSchema: string;
  /** the schemas of publications' values, JSON text, by the publication's name */
  publicationSchemas: Readonly<Record<string, string>>;
  migrate(): Promise<void>;
  catalog: CatalogStore;
  topics: Topics;
  registry: SchemaRegistry;
  writeLivePointer(generation: GenerationRow): Promise<void>;
  log: Log;
}

/** How far the boot has come, for /readyz. */
export interface BootStatus {
  done: boolean;
  /** what it is doing, or why that failed */
  step: string;
  /** differences between what is declared and what is there; reported, never changed */
  warnings: string[];
}

const FIRST_RETRY_MS = 250;
const LONGEST_RETRY_MS = 5_000;

/** Brings the outside to what the manifest declares. Every step may be repeated; a missing dependency is waited for. */
export class FirstBoot {
  readonly status: BootStatus = { done: false, step: "not started", warnings: [] };
  private readonly deps: FirstBootDeps;

  constructor(deps: FirstBootDeps) {
    this.deps = deps;
  }

  /** Tries until everything is there, or until `signal` aborts. @returns whether it is */
  async run(signal: AbortSignal): Promise<boolean> {
    let waitMs = FIRST_RETRY_MS;
    let lastFailure = "";
    while (!signal.aborted) {
      try {
        await this.attempt();
        this.status.done = true;
        this.status.step = "done";
        return true;
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        this.status.step = `${this.status.step.split(":")[0]}: ${reason}`;
        if (reason !== lastFailure) this.deps.log.warn({ step: this.status.step }, "not ready yet, trying again");
        lastFailure = reason;
        await pause(waitMs, signal);
        waitMs = Math.min(waitMs * 2, LONGEST_RETRY_MS);
      }
    }
    return false;
  }

  private async attempt(): Promise<void> {
    const { manifest, contractSchema, publicationSchemas, catalog, topics } = this.deps;
    const warnings: string[] = [];
    const at = (step: string) => {
      this.status.step = step;
    };
    at("bringing the database up to date");
    await this.deps.migrate();
    at("saving what the manifest declares");
    const tables = Object.values(manifest.jobs).flatMap((job) => job.writes);
    warnings.push(
      ...(await catalog.declare(
        manifest,
        Object.fromEntries(tables.map((table) => [table, tablePath(1, table)])),
        rulesOf(manifest),
      )),
    );
    const generation = await catalog.liveGeneration(manifest.name);
    if (generation === null) throw new Error(`pipeline ${manifest.name} has no live generation`);
    warnings.push(...differentRules(generation, manifest));
    at("writing lake/live.json");
    await this.deps.writeLivePointer(generation);
    at("creating topics");
    await topics.ensure(Object.values(manifest.topics));
    warnings.push(...(await this.differentTopics()));
    at("registering the contract");
    await this.registerSchema(manifest.contract.subject, contractSchema, manifest.contract.compatibility);
    at("registering the schemas of publications");
    for (const [name, { topic, schema }] of Object.entries(manifest.publications)) {
      const [text, subject] = [publicationSchemas[name], subjectOf(manifest.topics[topic]?.name ?? topic)];
      if (schema !== null && text !== undefined) await this.registerSchema(subject, text, schema.compatibility);
    }
    this.status.warnings = warnings;
  }

  private async registerSchema(subject: string, schema: string, compatibility: Compatibility): Promise<void> {
    const { registry } = this.deps;
    await registry.register(subject, schema);
    if ((await registry.compatibility(subject)) !== compatibility)
      await registry.setCompatibility(subject, compatibility);
  }

  private async differentTopics(): Promise<string[]> {
    const warnings: string[] = [];
    for (const declared of Object.values(this.deps.manifest.topics)) {
      const actual = await this.deps.topics.describe(declared.name);
      if (actual === null) continue;
      const differ = (what: string, is: string | number | null, should: string | number) =>
        warnings.push(`topic ${declared.name}: ${what} is ${is}, the manifest says ${should}; it is left as it is`);
      if (actual.partitions !== declared.partitions) differ("partitions", actual.partitions, declared.partitions);
      if (declared.timestampType !== undefined && actual.timestampType !== declared.timestampType) {
        differ("message.timestamp.type", actual.timestampType, declared.timestampType);
      }
      if (actual.retentionMs !== String(declared.retentionMs)) {
        differ("retention.ms", actual.retentionMs, declared.retentionMs);
      }
      if (declared.maxMessageBytes !== undefined && actual.maxMessageBytes !== String(declared.maxMessageBytes)) {
        differ("max.message.bytes", actual.maxMessageBytes, declared.maxMessageBytes);
      }
    }
    return warnings;
  }
}

/** The parameters that decide outcomes and windows: they belong to a generation's rows and cannot change below them. */
export function rulesOf({ parameters }: { parameters: PipelineParameters }) {
  const { windowMs, allowedLatenessMs, allowedSkewMs, dedupHorizonMs, aliases = {} } = parameters;
  return { windowMs, allowedLatenessMs, allowedSkewMs, dedupHorizonMs, aliases };
}

function differentRules(generation: GenerationRow, manifest: Manifest): string[] {
  const least = leastHorizonMs(generation.rules);
  return Object.entries(rulesOf(manifest)).flatMap(([name, declared]) => {
    // A longer one that stretches of the generation need is no difference that a new generation would end.
    if (name === "dedupHorizonMs" && Number(declared) < least) return [];
    // A generation that an older release made says nothing of aliases: it has none.
    const kept = generation.rules[name as keyof PipelineParameters] ?? (name === "aliases" ? {} : declared);
    if (isDeepStrictEqual(kept, declared)) return [];
    const rule = name.replace(/Ms$/, "");
    return [
      `${rule} is ${spoken(kept)} for generation ${generation.number}; the manifest's ${spoken(declared)} needs a new generation and is ignored`,
    ];
  });
}

function spoken(rule: number | Aliases): string {
  return typeof rule === "number" ? formatDuration(rule) : JSON.stringify(rule);
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener(
      "abort",
      () => {
        clearTimeout(timer);
        resolve();
      },
      { once: true },
    );
  });
}
