import type { FastifyBaseLogger } from "fastify";
import type { Manifest } from "../domain/manifest.ts";
import { AlertDelivery } from "../services/alert-delivery.ts";
import { Alerts } from "../services/alerts.ts";
import type { RuleSet } from "../services/dq/rule-set.ts";
import { RuleJudge } from "../services/dq/rule-states.ts";
import { RuleWatch } from "../services/dq/rule-watch.ts";
import type { Positions } from "../services/positions.ts";
import type { Snapshots } from "../services/snapshots.ts";
import type { Outside } from "./outside.ts";

/** What alarming needs beside the outside. */
export interface AlarmingParts {
  manifest: Manifest;
  rules: RuleSet;
  alerts: Alerts;
  delivery: AlertDelivery | null;
  positions: Positions;
  snapshots: Snapshots;
  log: FastifyBaseLogger;
}

/** Wires where alerts go. @returns no delivery where there is no webhook */
export function createAlerts({ alertStore: store, webhook, clock }: Outside, log: FastifyBaseLogger) {
  const delivery = webhook === null ? null : new AlertDelivery({ store, webhook, clock, log });
  const alerts = new Alerts({ store, notifies: delivery !== null, onMessage: () => delivery?.poke() });
  return { alerts, delivery };
}

/** Wires what looks whether something is wrong, and tells of it. Only the control plane that decides starts it. */
export function createAlarming(outside: Outside, parts: AlarmingParts) {
  const { manifest, rules, alerts, delivery, positions, snapshots, log } = parts;
  const measuring = Object.keys(manifest.jobs).find((id) => manifest.jobs[id]?.kind === "dq");
  const judge = new RuleJudge({
    set: rules,
    snapshots,
    caughtUp: () => (measuring === undefined ? Promise.resolve(null) : positions.caughtUp(measuring)),
    clock: outside.clock,
  });
  const watch = measuring === undefined ? null : new RuleWatch({ judge, alerts, job: measuring, log });
  return {
    judge,
    start() {
      delivery?.start();
      watch?.start();
    },
    async stop() {
      await Promise.all([delivery?.stop(), watch?.stop()]);
    },
  };
}
