import { type DestinationStream, type Logger, pino } from "pino";

/** Nothing logs headers today; if something does one day, then without what they prove. */
const REDACTED = ["authorization", "*.authorization", "*.headers.authorization"];

/** The control plane's log: one JSON object a line. */
export function createLogger(level: string, destination?: DestinationStream): Logger {
  const options = { level, base: { service: "control-plane" }, redact: REDACTED };
  return destination === undefined ? pino(options) : pino(options, destination);
}
