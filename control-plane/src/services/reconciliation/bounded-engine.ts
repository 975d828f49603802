import { Problem } from "../../domain/problem.ts";
import { limitsAdvice, type ReconciliationLimits } from "../../domain/reconciliation/limits.ts";
import type { Clock } from "../ports.ts";
import { type QueryEngine, QueryGivenUp } from "../query-engine.ts";

/**
 * A query engine for one check: it runs nothing more once the time of the check is up.
 * @param goOn throws where the check is to end for another reason
 * @throws Problem `check_given_up` from each query then, and from one that reaches its own limits
 */
export function boundedEngine(
  engine: QueryEngine,
  clock: Clock,
  limits: ReconciliationLimits,
  goOn: () => void,
): QueryEngine {
  const deadline = clock.now().getTime() + limits.timeoutMs;
  return {
    async query(sql, parameters) {
      goOn();
      if (clock.now().getTime() > deadline) throw givenUp(`In all it took longer than ${limits.timeoutMs} ms.`, limits);
      try {
        return await engine.query(sql, parameters);
      } catch (error) {
        goOn();
        throw error instanceof QueryGivenUp ? givenUp(`Of one of its queries: ${error.message}`, limits, error) : error;
      }
    },
  };
}

function givenUp(why: string, limits: ReconciliationLimits, cause?: unknown): Problem {
  return new Problem(
    {
      status: 503,
      code: "check_given_up",
      title: "The check was given up",
      detail: `Comparing the tables took more than it may. ${why}`,
      next: limitsAdvice(limits),
    },
    { cause },
  );
}
