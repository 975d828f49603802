import { setTimeout as sleep } from "node:timers/promises";
import type { Stack } from "./stack.ts";

interface Page {
  items: { window_start: string; plan_tier: string; region: string; currency: string; status: string }[];
  snapshot: { generation: number };
}

/** What a client saw that asked for windows all the time. */
export interface Seen {
  answers: number;
  generations: Set<number>;
  /** what was wrong with answers, as sentences, each once */
  complaints: Set<string>;
}

/** A client that asks for windows all the time, and looks at each answer. */
export class WindowClient {
  private readonly seen: Seen = { answers: 0, generations: new Set(), complaints: new Set() };
  /** figures that were said to be final */
  private readonly finals = new Set<string>();
  private stopped = false;
  private readonly ended: Promise<void>;

  /**
   * @param forgives answers that do not come: the control plane is killed
   * @param pauseMs between two requests: a client that never rests takes half a core from the jobs
   */
  constructor(
    stack: Stack,
    { forgives = false, pauseMs = 0, signal }: { forgives?: boolean; pauseMs?: number; signal?: AbortSignal } = {},
  ) {
    // Who is interrupted does not come to stop it.
    signal?.addEventListener("abort", () => (this.stopped = true));
    this.ended = this.run(stack, forgives, pauseMs);
  }

  /** Ends it. */
  async stop(): Promise<Seen> {
    this.stopped = true;
    await this.ended;
    return this.seen;
  }

  private async run(stack: Stack, forgives: boolean, pauseMs: number): Promise<void> {
    while (!this.stopped) {
      await sleep(pauseMs);
      try {
        this.look(await stack.rest.get<Page>("/v1/revenue/windows", { limit: 1_000 }));
      } catch (error) {
        if (!forgives) this.seen.complaints.add((error as Error).message);
      }
    }
  }

  /** One generation an answer, no figure twice, and final means final. */
  private look({ items, snapshot }: Page): void {
    this.seen.answers += 1;
    this.seen.generations.add(snapshot.generation);
    const keys = items.map((it) => [it.window_start, it.plan_tier, it.region, it.currency].join());
    if (new Set(keys).size !== keys.length) this.seen.complaints.add("a figure stands twice in one answer");
    for (const [index, { status }] of items.entries()) {
      const key = keys[index] ?? "";
      if (status === "final") this.finals.add(key);
      else if (this.finals.has(key)) this.seen.complaints.add(`${key} was final, and is not any more`);
    }
  }
}
