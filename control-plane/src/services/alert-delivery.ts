import { type SlackMessage, slackMessage } from "../domain/alert.ts";
import type { AlertStore, DueMessage } from "./alerts.ts";
import type { Log } from "./log.ts";
import type { Clock } from "./ports.ts";

/** Where messages about alerts go. */
export interface Webhook {
  /** @throws WebhookRefusal */
  send(message: SlackMessage, signal: AbortSignal): Promise<void>;
}

/** The webhook did not take a message. Its address is a secret, and is not in the text. */
export class WebhookRefusal extends Error {
  override name = "WebhookRefusal";
  /** it dislikes this message; others may pass */
  readonly ofThisMessage: boolean;

  constructor(text: string, ofThisMessage: boolean) {
    super(text);
    this.ofThisMessage = ofThisMessage;
  }
}

export interface DeliveryTimes {
  /** between two looks for messages */
  lookMs: number;
  firstRetryMs: number;
  longestRetryMs: number;
  /** after which an attempt that fails is the last */
  giveUpMs: number;
  /** what an attempt under way gets to end in when it is to stop */
  graceMs: number;
}

const TIMES: DeliveryTimes = {
  lookMs: 5_000,
  firstRetryMs: 1_000,
  longestRetryMs: 300_000,
  giveUpMs: 86_400_000,
  graceMs: 1_000,
};
const AT_ONCE = 20;

interface Deps {
  store: AlertStore;
  webhook: Webhook;
  clock: Clock;
  log: Log;
  times?: DeliveryTimes;
}

/**
 * Sends what waits for the webhook, each message at least once and those of one alert in order. Only the control plane
 * that decides does so; nothing waits for it.
 */
export class AlertDelivery {
  private readonly deps: Deps;
  private readonly times: DeliveryTimes;
  private timer: NodeJS.Timeout | null = null;
  private round: Promise<void> | null = null;
  private abort = new AbortController();
  /** in ms since 1970: while the webhook is away nothing is tried before */
  private pausedUntil = 0;
  private failures = 0;
  private running = false;
  private hasNews = false;

  constructor(deps: Deps) {
    this.deps = deps;
    this.times = deps.times ?? TIMES;
  }

  start(): void {
    this.running = true;
    this.abort = new AbortController();
    this.poke();
  }

  /** An attempt under way that does not end soon is cut short: the next one to decide makes it again. */
  async stop(): Promise<void> {
    this.running = false;
    if (this.timer !== null) clearTimeout(this.timer);
    const { abort } = this;
    const tooLong = setTimeout(() => abort.abort(), this.times.graceMs);
    await this.round;
    clearTimeout(tooLong);
  }

  /** There may be a message. */
  readonly poke = (): void => {
    this.hasNews = true;
    if (!this.running || this.round !== null) return;
    if (this.timer !== null) clearTimeout(this.timer);
    this.hasNews = false;
    this.round = this.deliver().finally(() => {
      this.round = null;
      if (this.running) this.timer = setTimeout(this.poke, this.hasNews ? 0 : this.pause());
    });
  };

  private pause(): number {
    if (this.failures === 0) return this.times.lookMs;
    const ms = this.pausedUntil - this.deps.clock.now().getTime();
    return Math.max(ms, Math.min(this.times.firstRetryMs, this.times.lookMs));
  }

  private async deliver(): Promise<void> {
    const { store, clock, log } = this.deps;
    if (clock.now().getTime() < this.pausedUntil) return;
    try {
      for (let due = await store.due(AT_ONCE); due.length > 0; due = await store.due(AT_ONCE)) {
        for (const message of due) {
          if (!this.running || !(await this.attempt(message))) return;
        }
      }
    } catch (error) {
      // Postgres is away: the messages are safe there.
      log.warn({ err: error }, "cannot look for messages about alerts");
    }
  }

  /** @returns whether the next message may be tried */
  private async attempt(message: DueMessage): Promise<boolean> {
    const { store, webhook, log } = this.deps;
    try {
      await webhook.send(slackMessage(message.kind, message.alert, message.text), this.abort.signal);
    } catch (error) {
      if (!this.running) return false;
      return this.failed(message, error instanceof WebhookRefusal ? error : new WebhookRefusal(String(error), false));
    }
    if (this.failures > 0) log.info({}, "the alert webhook takes messages again");
    this.failures = 0;
    await store.delivered(message.id);
    return true;
  }

  private async failed(message: DueMessage, refusal: WebhookRefusal): Promise<boolean> {
    const { store, clock, log } = this.deps;
    const now = clock.now().getTime();
    const isOld = now - message.createdAt.getTime() >= this.times.giveUpMs;
    const retryInMs = this.backoff(message.attempts);
    const fields = {
      alert: message.alert,
      kind: message.kind,
      attempts: message.attempts + 1,
      reason: refusal.message,
    };
    if (isOld) log.error(fields, "gave up telling the alert webhook");
    else if (this.failures === 0) log.warn({ ...fields, retryInMs }, "the alert webhook did not take a message");
    if (!refusal.ofThisMessage) {
      this.pausedUntil = now + this.backoff(this.failures);
      this.failures += 1;
    }
    await store.failed(message.id, refusal.message, isOld ? null : retryInMs);
    return refusal.ofThisMessage;
  }

  private backoff(failures: number): number {
    return Math.min(this.times.firstRetryMs * 2 ** Math.min(failures, 30), this.times.longestRetryMs);
  }
}
