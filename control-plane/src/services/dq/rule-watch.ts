import type { Alerts } from "../alerts.ts";
import type { Log } from "../log.ts";
import { saidOnce } from "../said-once.ts";
import { Ticker } from "../ticker.ts";
import type { RuleJudge, RuleState } from "./rule-states.ts";

const EVERY_MS = 10_000;
const KEY = "dq.rule:";
const PAGE = 500;

interface Deps {
  judge: RuleJudge;
  alerts: Alerts;
  /** the job that measures */
  job: string;
  log: Log;
}

/** Alarms when a rule is breached, and says when it is not any more. Only the control plane that decides does so. */
export class RuleWatch {
  private readonly deps: Deps;
  private readonly ticker: Ticker;

  constructor(deps: Deps) {
    this.deps = deps;
    const look = saidOnce(() => this.observe(), deps.log, "cannot judge the data quality rules");
    this.ticker = new Ticker(look, EVERY_MS);
  }

  start(): void {
    this.ticker.start();
  }

  stop(): Promise<void> {
    return this.ticker.stop();
  }

  /** One look at every rule. */
  async observe(): Promise<void> {
    const { states } = await this.deps.judge.present();
    // What cannot be told neither alarms nor is over.
    for (const state of states) if (state.verdict !== "unknown") await this.report(state);
    await this.forgetOthers();
  }

  private async report({ rule, verdict, detail }: RuleState): Promise<void> {
    await this.deps.alerts.observe({
      key: `${KEY}${rule.id}`,
      severity: rule.severity,
      title: `Data quality: ${rule.id} is breached`,
      detail: `${rule.description}: ${detail}`,
      subjects: [this.deps.job, rule.id],
      failing: verdict === "breached",
    });
  }

  /** A rule that is gone from the file cannot recover by itself. */
  private async forgetOthers(): Promise<void> {
    const known = new Set(this.deps.judge.set.rules.map(({ id }) => `${KEY}${id}`));
    const { items } = await this.deps.alerts.list({ state: "firing", limit: PAGE });
    for (const { key, severity, title, subjects } of items.filter(
      (it) => it.key.startsWith(KEY) && !known.has(it.key),
    )) {
      const detail = "The rule is not declared any more";
      await this.deps.alerts.observe({ key, severity, title, subjects, detail, failing: false });
    }
  }
}
