import { askControlPlane, type JobItem, type PartitionOffsets, recentRevenue } from "./control-plane-client.ts";
import { bytesText } from "./figures.ts";
import type { LocalStack } from "./local-stack.ts";
import { newestWindow } from "./newest-window.ts";
import { plainOutput, type Settings } from "./settings.ts";
import { urlLines } from "./urls.ts";

const REDRAW_MS = 1_000;
const LINE_EVERY_MS = 5_000;

interface Figures {
  readonly eventsPerSecond: number | null;
  readonly jobs: readonly JobItem[] | null;
  readonly revenue: readonly string[];
}

/** What `npm start` shows while the stack runs: a block that is redrawn on a terminal, a line now and then elsewhere. */
export class LiveStatus {
  readonly #settings: Settings;
  readonly #stack: LocalStack;
  readonly #live: boolean;
  #open = false;
  #timer: NodeJS.Timeout | null = null;
  #drawnLines = 0;
  #produced: { at: number; latest: bigint } | null = null;

  constructor(settings: Settings, stack: LocalStack) {
    this.#settings = settings;
    this.#stack = stack;
    this.#live = process.stdout.isTTY && !plainOutput(process.env);
  }

  /** Begins to show. */
  open(): void {
    this.#open = true;
    if (!this.#live) for (const line of urlLines(this.#settings)) console.log(line);
    void this.#show();
  }

  /** Ends showing; may be called twice. */
  close(): void {
    this.#open = false;
    if (this.#timer) clearTimeout(this.#timer);
    this.#drawnLines = 0;
  }

  /** Prints a line above the block. */
  announce(line: string): void {
    this.#erase();
    console.log(line);
  }

  async #show(): Promise<void> {
    const figures = await this.#figures();
    if (!this.#open) return;
    if (this.#live) this.#draw(this.#block(figures));
    else console.log(this.#line(figures));
    this.#timer = setTimeout(() => void this.#show(), this.#live ? REDRAW_MS : LINE_EVERY_MS);
  }

  async #figures(): Promise<Figures> {
    const [jobs, revenue, eventsPerSecond] = await Promise.all([
      askControlPlane<{ items: JobItem[] }>(this.#settings, "/v1/jobs"),
      recentRevenue(this.#settings),
      this.#eventsPerSecond(),
    ]);
    return { jobs: jobs?.items ?? null, revenue: newestWindow(revenue?.items ?? []), eventsPerSecond };
  }

  /** From the growth of the events topic, as bronze's offsets show it. */
  async #eventsPerSecond(): Promise<number | null> {
    const offsets = await askControlPlane<{ partitions: PartitionOffsets[] }>(
      this.#settings,
      "/v1/jobs/sales.bronze/offsets",
    );
    if (!offsets) return null;
    const before = this.#produced;
    const now = {
      at: Date.now(),
      latest: offsets.partitions.reduce((sum, { latest }) => sum + BigInt(latest ?? 0), 0n),
    };
    this.#produced = now;
    if (!before || now.at === before.at) return null;
    return (Number(now.latest - before.latest) * 1000) / (now.at - before.at);
  }

  #block({ eventsPerSecond, jobs, revenue }: Figures): string[] {
    const report = this.#stack.report();
    const troubled = report.services.filter(({ state }) => state !== "running");
    return [
      "",
      `Events     ${eventsPerSecond === null ? "…" : `${eventsPerSecond.toFixed(1)}/s`}`,
      ...(jobs ?? []).map((job, index) => `${index === 0 ? "Jobs     " : "         "}  ${jobText(job)}`),
      ...(revenue.length > 0 ? revenue : ["no window yet"]).map(
        (line, index) => `${index === 0 ? "Revenue  " : "         "}  ${line}`,
      ),
      `Memory     ${bytesText(report.memory.total)}`,
      ...troubled.map(({ name, state, lastEnd }) => `Service    ${name} is ${state}${lastEnd ? ` (${lastEnd})` : ""}`),
      ...(report.disk.warn ? [`Disk       only ${bytesText(report.disk.freeBytes)} free`] : []),
      "",
      ...urlLines(this.#settings),
      "",
      "Ctrl-C stops everything.",
    ];
  }

  #line({ eventsPerSecond, jobs, revenue }: Figures): string {
    const parts = [
      `${eventsPerSecond === null ? "?" : eventsPerSecond.toFixed(1)} events/s`,
      ...(jobs ?? []).map(jobText),
      revenue[0] ?? "no revenue window yet",
    ];
    return parts.join(" | ");
  }

  #draw(lines: readonly string[]): void {
    this.#erase();
    const width = process.stdout.columns || 80;
    const fitting = lines
      .slice(0, Math.max(1, (process.stdout.rows || 24) - 1))
      .map((line) => line.slice(0, width - 1));
    process.stdout.write(`${fitting.join("\n")}\n`);
    this.#drawnLines = fitting.length;
  }

  #erase(): void {
    if (this.#drawnLines > 0) process.stdout.write(`\x1b[${this.#drawnLines}A\x1b[J`);
    this.#drawnLines = 0;
  }
}

function jobText({ id, state, reason, lag }: JobItem): string {
  const behind = lag?.seconds === null || lag?.seconds === undefined ? "" : ` lag ${lag.seconds.toFixed(1)} s`;
  return `${id} ${state}${behind}${reason ? ` (${reason})` : ""}`;
}
