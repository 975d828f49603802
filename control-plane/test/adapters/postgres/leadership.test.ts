import { setTimeout as delay } from "node:timers/promises";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Leadership, seekLeadership } from "../../../src/adapters/postgres/leadership.ts";
import { startPostgres, type TestPostgres } from "../../fixtures/postgres.ts";

let postgres: TestPostgres;
const seekers: Leadership[] = [];

beforeAll(async () => {
  postgres = await startPostgres();
}, 60_000);

afterAll(async () => {
  for (const seeker of seekers) await seeker.stop();
  await postgres?.stop();
});

/** @param failures how often it cannot begin to decide */
function seek(failures = 0) {
  const heard: string[] = [];
  const reasons: string[] = [];
  const leadership = seekLeadership(postgres.url, {
    async onGained() {
      heard.push("gained");
      if (failures-- > 0) throw new Error("no room on the disk");
    },
    async onLost(reason) {
      heard.push("lost");
      reasons.push(reason);
    },
  });
  seekers.push(leadership);
  return { heard, reasons, leadership };
}

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await delay(10);
}

describe("leadership", { timeout: 20_000 }, () => {
  it("goes to one control plane; the second says who has it, and takes over when that one ends", async () => {
    const first = seek();
    await until(() => first.leadership.waitingFor === null);
    const second = seek();
    await until(() => second.leadership.waitingFor?.includes("another control plane works on this database") === true);
    expect(second.leadership.waitingFor).toContain(`pid ${process.pid}`);
    expect(second.heard).toEqual([]);
    await first.leadership.stop();
    await until(() => second.leadership.waitingFor === null);
    expect(first.heard).toEqual(["gained"]);
    expect(second.heard).toEqual(["gained"]);
    await second.leadership.stop();
  });

  it("is given up, with the reason, by one that cannot begin to decide, and sought again", async () => {
    const seeker = seek(1);
    await until(() => seeker.reasons.length === 1);
    expect(seeker.reasons).toEqual(["it could not begin to: no room on the disk"]);
    // By another connection, so that the one that held it has let go.
    await until(() => seeker.heard.length === 3);
    expect(seeker.heard).toEqual(["gained", "lost", "gained"]);
    await seeker.leadership.stop();
  });

  it("is lost with its connection, and sought again", async () => {
    const seeker = seek();
    await until(() => seeker.leadership.waitingFor === null);
    const other = new pg.Client({ connectionString: postgres.url });
    await other.connect();
    await other.query(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'penstock control plane%'",
    );
    await other.end();
    await until(() => seeker.heard.length === 3);
    expect(seeker.heard).toEqual(["gained", "lost", "gained"]);
  });
});
