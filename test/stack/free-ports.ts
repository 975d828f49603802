import { randomInt } from "node:crypto";
import { checkPorts } from "../../infra/local/src/ports.ts";
import { readSettings } from "../../infra/local/src/settings.ts";

const ATTEMPTS = 50;
/** Above what people use, and with 9093 added still below the ports that Linux gives to outgoing connections. */
const [LOWEST, HIGHEST] = [11_000, 23_000];

/**
 * Finds a PENSTOCK_PORT_OFFSET with which every port of a stack is free.
 * @throws when none of many was
 */
export async function freePortOffset(): Promise<number> {
  let problem: unknown;
  for (let attempt = 0; attempt < ATTEMPTS; attempt += 1) {
    const offset = randomInt(LOWEST, HIGHEST);
    try {
      await checkPorts(readSettings({ PENSTOCK_PORT_OFFSET: String(offset) }));
      return offset;
    } catch (error) {
      problem = error;
    }
  }
  throw problem;
}
