import { plainOutput } from "../settings.ts";

const REDRAW_EVERY_MS = 500;
const REMIND_EVERY_MS = 15_000;

/** One install step on the screen: redrawn in place on a terminal, a line now and then elsewhere. */
export class StepDisplay {
  readonly #title: string;
  readonly #started = Date.now();
  readonly #live = process.stdout.isTTY && !plainOutput(process.env);
  readonly #timer: NodeJS.Timeout;
  #note = "";

  constructor(title: string) {
    this.#title = title;
    if (!this.#live) console.log(`${title} …`);
    this.#timer = setInterval(() => this.#show(), this.#live ? REDRAW_EVERY_MS : REMIND_EVERY_MS);
  }

  /** Says what goes on within the step. */
  note(text: string): void {
    this.#note = text;
  }

  /** The step succeeded. */
  done(): void {
    this.close();
    console.log(`${this.#title}: ${this.#seconds()} s`);
  }

  /** Ends the redrawing; may be called twice. */
  close(): void {
    clearInterval(this.#timer);
    if (this.#live) process.stdout.write("\r\x1b[K");
  }

  #show(): void {
    const line = `${this.#title} … ${this.#seconds()} s${this.#note ? ` (${this.#note})` : ""}`;
    if (this.#live) process.stdout.write(`\r\x1b[K${line.slice(0, (process.stdout.columns || 80) - 1)}`);
    else console.log(line);
  }

  #seconds(): string {
    return ((Date.now() - this.#started) / 1000).toFixed(0);
  }
}
