/** When the process started, in clock ticks since boot; null when there is no such process. */
export function startTicks(pid: number): string | null;
/** The living process that holds the lock. */
export function lockHolder(path: string): { pid: number } | null;
/** Takes the lock, or answers who holds it. Free again when this process ends, however it ends. */
export function tryLock(path: string): { release: () => void } | { pid: number };
/** Waits for the lock as long as its holder lives; `onWait` is called once, when somebody else holds it. */
export function waitForLock(path: string, onWait: (pid: number) => void): Promise<{ release: () => void }>;
