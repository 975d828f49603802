/** The terminal, npm and the bootstrap may each pass on one and the same Ctrl-C. */
const SAME_PRESS_MS = 700;

/**
 * Calls `first` on the first SIGINT, SIGTERM or SIGHUP, and `again` on a later one that is not the same press.
 */
export function onStopSignals(first: () => void, again: () => void): void {
  let firstAt: number | null = null;
  const onSignal = (): void => {
    if (firstAt === null) {
      firstAt = Date.now();
      first();
    } else if (Date.now() - firstAt > SAME_PRESS_MS) {
      again();
    }
  };
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, onSignal);
}
