import { Kafka, type LogEntry, logLevel, type RetryOptions } from "kafkajs";
import { clientSecurity, type KafkaSecurity, UNPROTECTED } from "../../control-plane/src/domain/kafka-security.ts";

/**
 * A Kafka client that logs nothing by itself: callers tell what happened in their own words.
 * @param onLog sees the client's warnings and errors, for those who want the detail
 */
export function createKafka(
  brokers: string[],
  clientId: string,
  retry: RetryOptions,
  security: KafkaSecurity = UNPROTECTED,
  onLog: (message: string) => void = () => {},
): Kafka {
  silenceNegativeTimeouts();
  return new Kafka({
    clientId,
    brokers,
    retry,
    connectionTimeout: 3_000,
    requestTimeout: 30_000,
    logLevel: logLevel.WARN,
    logCreator:
      () =>
      ({ log }: LogEntry) =>
        onLog(log.message),
    ...clientSecurity(security),
  });
}

let isSilenced = false;

/** kafkajs asks for timers that lie in the past, which Node 24 warns about for each; all other warnings still show. */
function silenceNegativeTimeouts(): void {
  if (isSilenced) return;
  isSilenced = true;
  const emitWarning = process.emitWarning.bind(process) as (...args: unknown[]) => void;
  process.emitWarning = (warning: string | Error, ...rest: unknown[]) => {
    if (rest[0] !== "TimeoutNegativeWarning") emitWarning(warning, ...rest);
  };
}
