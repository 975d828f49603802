import { Problem } from "../../domain/problem.ts";
import type { Log } from "../log.ts";
import type { GenerationDetails, GenerationStore } from "./ports.ts";

export interface GenerationsParts {
  pipeline: string;
  store: GenerationStore;
  /** told when files of one may be deleted */
  onDiscard: () => void;
  log: Log;
}

/** Answers what generations there are, and gives up those that somebody does not want to keep. */
export class Generations {
  private readonly parts: GenerationsParts;

  constructor(parts: GenerationsParts) {
    this.parts = parts;
  }

  /** newest first */
  list(): Promise<GenerationDetails[]> {
    return this.parts.store.list(this.parts.pipeline);
  }

  /** @throws Problem `unknown_generation` */
  async find(number: number): Promise<GenerationDetails> {
    const found = await this.parts.store.find(this.parts.pipeline, number);
    if (found !== null) return found;
    throw new Problem({
      status: 404,
      code: "unknown_generation",
      title: "No such generation",
      detail: `The pipeline has no generation ${number}.`,
      next: "GET /v1/generations lists them.",
    });
  }

  /**
   * Gives up a generation that is kept before its time: nothing leads back to it from then on, and its files go.
   * @throws Problem `unknown_generation`, and `conflict` for one that is live or belongs to a replay under way
   */
  async discard(number: number, asked: { by: string; requestId: string }): Promise<GenerationDetails> {
    const { store, pipeline, onDiscard, log } = this.parts;
    const { state, replay } = await this.find(number);
    if (state === "live" || state === "shadow") {
      throw new Problem({
        status: 409,
        code: "conflict",
        title: state === "live" ? "The generation is live" : "The generation belongs to a replay",
        detail: `Generation ${number} is ${state === "live" ? "what everybody reads" : `being made ready by replay ${replay}`}.`,
        next:
          state === "live"
            ? "Only one that is kept can be deleted: GET /v1/generations says which are."
            : "Cancel the replay: its generation is deleted then, unless it was live before.",
      });
    }
    if (state === "kept") {
      const audit = { actor: asked.by, action: "generation.delete", target: `generation:${number}` };
      await store.retire(pipeline, number, null, {
        ...audit,
        requestId: asked.requestId,
        before: { state },
        after: { state: "discarded" },
      });
      log.info({ generation: number, by: asked.by, requestId: asked.requestId }, "generation given up");
      onDiscard();
    }
    return this.find(number);
  }
}
