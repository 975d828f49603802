import pg from "pg";

export interface LeadershipEvents {
  /** this process alone may decide, from now on; where it cannot begin to, another one gets its turn */
  onGained: () => Promise<void>;
  /** it may not decide any more: the connection that held the lock is gone, or was never there */
  onLost: (reason: string) => Promise<void>;
}

export interface Leadership {
  /** why this process does not decide; null while it does */
  readonly waitingFor: string | null;
  stop(): Promise<void>;
}

/** "penstock" on a telephone's keys; any number does that nobody else takes. */
const LOCK = 73_678_625;
const TRY_AGAIN_MS = 1_000;
const CONNECT_TIMEOUT_MS = 3_000;
const HOLDER = `SELECT a.application_name AS name, host(a.client_addr) AS address, a.backend_start AS since
  FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
  WHERE l.locktype = 'advisory' AND l.classid = 0 AND l.objid = ${LOCK} AND l.granted`;

/**
 * Lets only one control plane per database decide. The lock is Postgres' own and belongs to a connection: it is
 * released when its holder dies, however it dies, and a second control plane stands by until then.
 */
export function seekLeadership(url: string, { onGained, onLost }: LeadershipEvents): Leadership {
  let client: pg.Client | null = null;
  let timer: NodeJS.Timeout | undefined;
  let waitingFor: string | null = "has not asked Postgres yet";
  let stopped = false;

  async function seek(): Promise<void> {
    const candidate = new pg.Client({
      connectionString: url,
      application_name: `penstock control plane, pid ${process.pid}`,
      connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
      keepAlive: true,
    });
    let isGone = false;
    candidate.on("error", () => undefined);
    candidate.once("end", () => {
      isGone = true;
      if (client === candidate) void lose("the connection to Postgres that held it broke");
    });
    try {
      await candidate.connect();
      const { rows } = await candidate.query<{ gained: boolean }>("SELECT pg_try_advisory_lock($1) AS gained", [LOCK]);
      if (rows[0]?.gained === true && !stopped && !isGone) {
        client = candidate;
        waitingFor = null;
        onGained().catch((error: unknown) => void giveUp(candidate, `it could not begin to: ${textOf(error)}`));
        return;
      }
      const holder = (await candidate.query<{ name: string; address: string | null; since: Date }>(HOLDER)).rows[0];
      waitingFor =
        holder === undefined
          ? "another control plane has just left"
          : `another control plane works on this database: ${holder.name} at ${holder.address ?? "a local socket"}, since ${holder.since.toISOString()}`;
    } catch (error) {
      waitingFor = `Postgres does not answer: ${textOf(error)}`;
    }
    await candidate.end().catch(() => undefined);
    again();
  }

  async function lose(reason: string, release = async () => {}): Promise<void> {
    client = null;
    waitingFor = reason;
    await onLost(reason);
    // Only now, for another one decides as soon as it can.
    await release().catch(() => undefined);
    again();
  }

  async function giveUp(held: pg.Client, reason: string): Promise<void> {
    if (client !== held) return;
    await lose(reason, () => held.end());
  }

  function again(): void {
    if (!stopped) timer = setTimeout(() => void seek(), TRY_AGAIN_MS);
  }

  void seek();
  return {
    get waitingFor() {
      return waitingFor;
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      const held = client;
      client = null;
      await held?.end().catch(() => undefined);
    },
  };
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
