import { type AlertText, isWorse, SEVERITIES, type Severity } from "../../domain/alert.ts";
import type { AlertRow, AlertStore, DueMessage, Observation, OutboxState } from "../../services/alerts.ts";
import type { Database, Queryable } from "./database.ts";
import { insertEvents } from "./journal.ts";

const OPEN = "delivered_at IS NULL AND abandoned_at IS NULL";
const MESSAGES = `SELECT jsonb_agg(jsonb_build_object('kind', kind, 'attempts', attempts, 'lastError', last_error,
    'state', CASE WHEN delivered_at IS NOT NULL THEN 'delivered' WHEN abandoned_at IS NOT NULL THEN 'abandoned' ELSE 'waiting' END)
    ORDER BY id) FROM alert_messages WHERE alert = alerts.id`;

/** Alerts and their messages in Postgres. */
export function createAlertStore(db: Database): AlertStore {
  return {
    failing: (observation, notify) =>
      db.transaction(async (tx) => {
        const { key, severity, title, detail, subjects } = observation;
        // Two processes may see the same thing begin at once.
        await tx.query("SELECT pg_advisory_xact_lock(hashtextextended('alert ' || $1, 0))", [key]);
        const [before] = await tx.query<{ id: string; severity: Severity }>(
          "SELECT id::text, severity FROM alerts WHERE key = $1 AND resolved_at IS NULL",
          [key],
        );
        if (before === undefined) {
          const [alert] = await tx.query<{ id: string }>(
            "INSERT INTO alerts (key, severity, title, detail, subjects) VALUES ($1, $2, $3, $4, $5) RETURNING id::text",
            [key, severity, title, detail, subjects],
          );
          await tell(tx, String(alert?.id), "fired", observation, notify);
          return "fired";
        }
        await tx.query(
          "UPDATE alerts SET severity = $2, title = $3, detail = $4, subjects = $5, seen_at = clock_timestamp() WHERE id = $1",
          [before.id, severity, title, detail, subjects],
        );
        if (!isWorse(severity, before.severity)) return "known";
        await tell(tx, before.id, "escalated", observation, notify);
        return "escalated";
      }),

    recovered: (observation, notify) =>
      db.transaction(async (tx) => {
        const [alert] = await tx.query<{ id: string; severity: Severity }>(
          `UPDATE alerts SET resolved_at = clock_timestamp(), resolution = $2
           WHERE key = $1 AND resolved_at IS NULL RETURNING id::text, severity`,
          [observation.key, observation.detail],
        );
        if (alert === undefined) return false;
        await tell(tx, alert.id, "resolved", { ...observation, severity: alert.severity }, notify);
        return true;
      }),

    list: ({ state, severity }, limit, beforeId) =>
      db.query<AlertRow>(
        `SELECT id::text, key, severity, title, detail, subjects, fired_at AS "firedAt", seen_at AS "seenAt",
           resolved_at AS "resolvedAt", resolution, coalesce((${MESSAGES}), '[]') AS messages
         FROM alerts
         WHERE ($1::text IS NULL OR (resolved_at IS NULL) = ($1 = 'firing')) AND ($2::text IS NULL OR severity = $2)
           AND ($3::bigint IS NULL OR id < $3)
         ORDER BY alerts.id DESC LIMIT $4`,
        [state ?? null, severity ?? null, beforeId, limit],
      ),

    async firing() {
      const rows = await db.query<{ severity: Severity; count: string }>(
        "SELECT severity, count(*) FROM alerts WHERE resolved_at IS NULL GROUP BY severity",
      );
      const counts = new Map(rows.map(({ severity, count }) => [severity, Number(count)]));
      return Object.fromEntries(SEVERITIES.map((it) => [it, counts.get(it) ?? 0])) as Record<Severity, number>;
    },

    async due(limit) {
      const rows = await db.query<Omit<DueMessage, "text"> & AlertText>(
        `SELECT m.id::text, m.alert::text, m.kind, m.attempts, m.created_at AS "createdAt", a.severity, a.title,
           CASE WHEN m.kind = 'resolved' THEN a.resolution ELSE a.detail END AS detail, a.subjects
         FROM alert_messages m JOIN alerts a ON a.id = m.alert
         WHERE ${OPEN} AND next_attempt_at <= clock_timestamp() AND NOT EXISTS
           (SELECT 1 FROM alert_messages WHERE alert = m.alert AND id < m.id AND ${OPEN})
         ORDER BY m.id LIMIT $1`,
        [limit],
      );
      return rows.map(({ severity, title, detail, subjects, ...message }) => ({
        ...message,
        text: { severity, title, detail, subjects },
      }));
    },

    async delivered(message) {
      await db.query(
        "UPDATE alert_messages SET delivered_at = clock_timestamp(), attempts = attempts + 1 WHERE id = $1",
        [message],
      );
    },

    async failed(message, error, retryInMs) {
      await db.query(
        `UPDATE alert_messages SET attempts = attempts + 1, last_error = $2,
           next_attempt_at = clock_timestamp() + coalesce($3::bigint, 0) * interval '1 millisecond',
           abandoned_at = CASE WHEN $3::bigint IS NULL THEN clock_timestamp() END
         WHERE id = $1`,
        [message, error, retryInMs],
      );
    },

    async outbox() {
      const [row] = await db.query<OutboxState & { waiting: string }>(
        `SELECT count(*) FILTER (WHERE ${OPEN}) AS waiting, min(created_at) FILTER (WHERE ${OPEN}) AS "waitingSince",
           (array_agg(last_error ORDER BY id) FILTER (WHERE ${OPEN} AND last_error IS NOT NULL))[1] AS "lastError",
           max(delivered_at) AS "lastDeliveredAt"
         FROM alert_messages`,
      );
      return {
        waiting: Number(row?.waiting ?? 0),
        waitingSince: row?.waitingSince ?? null,
        lastError: row?.lastError ?? null,
        lastDeliveredAt: row?.lastDeliveredAt ?? null,
      };
    },

    async prune(kept) {
      await db.query(
        `DELETE FROM alerts WHERE resolved_at IS NOT NULL AND id <=
           (SELECT id FROM alerts WHERE resolved_at IS NOT NULL ORDER BY id DESC OFFSET $1 LIMIT 1)
         AND NOT EXISTS (SELECT 1 FROM alert_messages WHERE alert = alerts.id AND ${OPEN})`,
        [kept],
      );
    },
  };
}

/** Saves the message for the webhook and the event; the event last, as the journal wants it. */
async function tell(
  tx: Queryable,
  alert: string,
  kind: "fired" | "escalated" | "resolved",
  { key, severity, title, detail, subjects }: Observation,
  notify: boolean,
): Promise<void> {
  if (notify) await tx.query("INSERT INTO alert_messages (alert, kind) VALUES ($1, $2)", [alert, kind]);
  const type = kind === "resolved" ? "alert.resolved" : "alert.fired";
  const data = { alert, key, severity, title, detail, escalated: kind === "escalated" };
  await insertEvents(tx, [{ type, subjects: [...subjects, key], data }]);
}
