import type { DiffSummary } from "../../domain/replay/diff.ts";
import type { DiffEngine, DiffRequest } from "./diff.ts";

/** A comparison under way, or how it ended. */
type Outcome = { summary: DiffSummary } | { error: unknown } | null;

/** Runs one comparison at a time beside the steps of a replay, which go on looking after lag and requests meanwhile. */
export class Comparisons {
  private readonly engine: Pick<DiffEngine, "run">;
  private readonly onEnd: () => void;
  private current: { key: string; abort: AbortController; outcome: Outcome } | null = null;
  /** until what was given up has ended, too */
  private ending: Promise<unknown> = Promise.resolve();

  /** @param onEnd told when a comparison has ended, so that it is looked at */
  constructor(engine: Pick<DiffEngine, "run">, onEnd: () => void) {
    this.engine = engine;
    this.onEnd = onEnd;
  }

  /**
   * Begins a comparison, or tells how far that one is.
   * @returns null while it runs
   * @throws what it ended with; the next call begins it anew
   */
  take(request: Omit<DiffRequest, "signal">): DiffSummary | null {
    const key = JSON.stringify([request.replay, request.left.number, request.right.number, request.at]);
    if (this.current?.key !== key) {
      this.giveUp();
      this.begin(key, request);
    }
    const outcome = this.current?.outcome ?? null;
    if (outcome === null) return null;
    this.current = null;
    if ("error" in outcome) throw outcome.error;
    return outcome.summary;
  }

  /** Ends what runs: nobody waits for it any more. */
  giveUp(): void {
    this.current?.abort.abort(new Error("the comparison was given up"));
    this.current = null;
  }

  async stop(): Promise<void> {
    this.giveUp();
    await this.ending;
  }

  private begin(key: string, request: Omit<DiffRequest, "signal">): void {
    const abort = new AbortController();
    const running: { key: string; abort: AbortController; outcome: Outcome } = { key, abort, outcome: null };
    this.current = running;
    const before = this.ending;
    this.ending = before
      .then(() => {
        abort.signal.throwIfAborted();
        return this.engine.run({ ...request, signal: abort.signal });
      })
      .then(
        (summary) => {
          running.outcome = { summary };
        },
        (error: unknown) => {
          running.outcome = { error };
        },
      )
      .then(() => {
        if (this.current === running) this.onEnd();
      });
  }
}
