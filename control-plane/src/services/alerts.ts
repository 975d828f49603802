import type { AlertText, MessageKind, Severity } from "../domain/alert.ts";
import { readCursor, writeCursor } from "./cursor.ts";

/** How something is that must alarm when it is wrong. */
export interface Observation extends AlertText {
  /** names what is looked at, such as `dq.rule:amount-range`; the same each time */
  key: string;
  failing: boolean;
}

export type AlertState = "firing" | "resolved";

export interface AlertRow extends AlertText {
  id: string;
  key: string;
  firedAt: Date;
  /** when it was last seen failing */
  seenAt: Date;
  resolvedAt: Date | null;
  /** how it was when it was seen not failing */
  resolution: string | null;
  /** what the webhook was told, or is to be told */
  messages: MessageState[];
}

export interface MessageState {
  kind: MessageKind;
  state: "waiting" | "delivered" | "abandoned";
  attempts: number;
  lastError: string | null;
}

export interface AlertFilter {
  state: AlertState | undefined;
  severity: Severity | undefined;
}

/** A message that the webhook has not taken yet. */
export interface DueMessage {
  id: string;
  alert: string;
  kind: MessageKind;
  attempts: number;
  createdAt: Date;
  /** with the resolution as detail where it is resolved */
  text: AlertText;
}

/** How far the messages have come. */
export interface OutboxState {
  waiting: number;
  /** of the oldest message that waits */
  waitingSince: Date | null;
  /** of the newest attempt that failed since the last delivery; null while all is well */
  lastError: string | null;
  lastDeliveredAt: Date | null;
}

/** Alerts with their messages. What changes an alert saves its event, and its message, in the same transaction. */
export interface AlertStore {
  /** It fails: fires, unless it does already. @param notify whether a message is to be sent */
  failing(observation: Observation, notify: boolean): Promise<"fired" | "escalated" | "known">;
  /** It does not fail. @returns whether it did before */
  recovered(observation: Observation, notify: boolean): Promise<boolean>;
  /** newest first */
  list(filter: AlertFilter, limit: number, beforeId: string | null): Promise<AlertRow[]>;
  /** how many fire, by severity */
  firing(): Promise<Record<Severity, number>>;
  /** Messages whose time has come, in order; of one alert only the first. */
  due(limit: number): Promise<DueMessage[]>;
  delivered(message: string): Promise<void>;
  /** An attempt failed. @param retryInMs null gives the message up */
  failed(message: string, error: string, retryInMs: number | null): Promise<void>;
  outbox(): Promise<OutboxState>;
  /** Keeps so many resolved alerts. */
  prune(kept: number): Promise<void>;
}

export interface AlertsRequest {
  state?: AlertState | undefined;
  severity?: Severity | undefined;
  limit: number;
  cursor?: string | undefined;
}

/** `configured`: there is one */
export type WebhookState = OutboxState & { configured: boolean };

export interface AlertSummary {
  firing: Record<Severity, number>;
  webhook: WebhookState;
}

/** Everything that alarms goes through here: it fires once, stays one alert, and says when it is over. */
export class Alerts {
  private readonly store: AlertStore;
  private readonly notifies: boolean;
  private readonly onMessage: () => void;

  /**
   * @param notifies whether there is a webhook
   * @param onMessage told of a message that waits
   */
  constructor({ store, notifies, onMessage }: { store: AlertStore; notifies: boolean; onMessage: () => void }) {
    this.store = store;
    this.notifies = notifies;
    this.onMessage = onMessage;
  }

  /** Says how something is. May be repeated at any time, by any process. */
  async observe(observation: Observation): Promise<void> {
    const hasNews = observation.failing
      ? (await this.store.failing(observation, this.notifies)) !== "known"
      : await this.store.recovered(observation, this.notifies);
    if (hasNews && this.notifies) this.onMessage();
  }

  /** A page of alerts, newest first. @throws Problem `invalid_request` */
  async list({ state, severity, limit, cursor }: AlertsRequest): Promise<{
    items: AlertRow[];
    nextCursor: string | null;
    webhook: WebhookState;
  }> {
    const before = readCursor("alerts", ["bigint"], cursor)?.[0];
    const [rows, outbox] = await Promise.all([
      this.store.list({ state, severity }, limit + 1, before === undefined ? null : String(before)),
      this.store.outbox(),
    ]);
    const items = rows.slice(0, limit);
    const last = rows.length > limit ? items.at(-1) : undefined;
    return {
      items,
      nextCursor: last === undefined ? null : writeCursor("alerts", [last.id]),
      webhook: { configured: this.notifies, ...outbox },
    };
  }

  /** How many fire, by severity, and how the webhook does. */
  async summary(): Promise<AlertSummary> {
    const [firing, outbox] = await Promise.all([this.store.firing(), this.store.outbox()]);
    return { firing, webhook: { configured: this.notifies, ...outbox } };
  }
}
