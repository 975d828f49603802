import type { Stage } from "./stage.ts";

/** Something that goes wrong on a running stack, and what has to be true of it beyond what holds for every fault. */
export interface Fault {
  /** names it on the command line and in the report */
  id: string;
  /** what happens, as a sentence for people */
  what: string;
  /** Makes it happen, and returns once nothing more has to be done for the stack to recover. */
  happen(stage: Stage): Promise<void>;
  /** true: only in the full matrix, because it takes minutes */
  long?: boolean;
  /** true: when all is over, every job is in the run that it was in before */
  unharmed?: boolean;
  /** true: nothing runs as before after it, by right; what must hold then is for `happen` to check */
  final?: boolean;
}

/** A promise that the product makes was not kept. */
export class Broken extends Error {
  constructor(message: string) {
    super(message);
    this.name = "Broken";
  }
}

/** @throws Broken with `message` unless it holds */
export function must(holds: boolean, message: string): void {
  if (!holds) throw new Broken(message);
}
