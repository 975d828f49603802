import { generationOfJob } from "../domain/generation.ts";
import type { GenerationRow, JobRow } from "./rows.ts";

/** Where a job works. */
export interface Placement {
  /** the name by which runners, ledger entries and checkpoints know it: of a shadow that of the job it shadows */
  job: string;
  /** of its tables, and so of its checkpoint, its ledger and its runs: an older one than the live one where no replay touched it */
  generation: number;
  /** table to folder below the lake, of all tables of the pipeline as it sees them */
  tables: Readonly<Record<string, string>>;
  /** those that its rows were made by, whatever the manifest says by now */
  rules: GenerationRow["rules"];
  /** offsets at which its generation begins; null for all that there is */
  start: Record<string, string> | null;
  /** the folder below the lake from which its generation has the rows before `start`; null for none */
  inherits: string | null;
  /** why it begins no batch for the time being */
  held: string | null;
  /** the replay that a shadow works for */
  replay: string | null;
  /** the generation that was live when all this was so */
  live: number;
}

/** Tells where each job works. @param generations all there are */
export function placer(generations: readonly GenerationRow[]): (job: JobRow) => Placement {
  const byNumber = new Map(generations.map((generation) => [generation.number, generation]));
  const live = generations.find((generation) => generation.live);
  return ({ id, spec, shadowOf, shadowIn, generation }) => {
    const seen = shadowIn === null ? live : byNumber.get(shadowIn);
    const number = generation ?? generationOfJob(spec.writes, seen?.tables ?? {}) ?? live?.number ?? 1;
    const own = byNumber.get(number) ?? seen;
    return {
      job: shadowOf ?? id,
      generation: number,
      tables: seen?.tables ?? {},
      rules: own?.rules ?? {},
      start: own?.start ?? null,
      inherits: own?.inherits ?? null,
      held: shadowOf === null ? null : (seen?.held ?? null),
      replay: shadowOf === null ? null : (seen?.replay ?? null),
      live: live?.number ?? 1,
    };
  };
}
