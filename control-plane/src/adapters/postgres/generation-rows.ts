import { Problem } from "../../domain/problem.ts";
import type { GenerationDetails } from "../../services/generations/ports.ts";
import { GENERATION_COLUMNS } from "./catalog.ts";
import type { Queryable } from "./database.ts";

export type GenerationRecord = Omit<GenerationDetails, "shadows">;

const COLUMNS = `${GENERATION_COLUMNS}, parent, state, created_at AS "createdAt",
  promoted_at AS "promotedAt", kept_until AS "keptUntil", collected_at AS "collectedAt"`;

/** Oldest first. */
export function readGenerations(db: Queryable, pipeline: string): Promise<GenerationRecord[]> {
  return db.query<GenerationRecord>(`SELECT ${COLUMNS} FROM generations WHERE pipeline = $1 ORDER BY number`, [
    pipeline,
  ]);
}

/** From here on nobody else changes which generations a pipeline has, and what they are. */
export async function lockGenerations(tx: Queryable, pipeline: string): Promise<GenerationRecord[]> {
  await tx.query("SELECT 1 FROM pipelines WHERE name = $1 FOR NO KEY UPDATE", [pipeline]);
  // In a statement of its own: one that has waited for the lock would not see a generation that was made meanwhile.
  return readGenerations(tx, pipeline);
}

/** @throws Problem `unknown_generation` */
export function requireGeneration(all: GenerationRecord[], pipeline: string, number: number): GenerationRecord {
  const generation = all.find((each) => each.number === number);
  if (generation !== undefined) return generation;
  throw new Problem({
    status: 404,
    code: "unknown_generation",
    title: "No such generation",
    detail: `Pipeline ${pipeline} has no generation ${number}.`,
    next: `There are: ${all.map((each) => each.number).join(", ") || "none yet"}.`,
  });
}

/** 409: the generations are not as the change needs them. */
export function conflict(detail: string): Problem {
  return new Problem({ status: 409, code: "conflict", title: "The generations are not as this needs them", detail });
}
