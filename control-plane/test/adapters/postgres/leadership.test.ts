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

function seek() {
  const heard: string[] = [];
  const leadership = seekLeadership(postgres.url, {
    onGained: () => heard.push("gained"),
    onLost: async () => void heard.push("lost"),
  });
  seekers.push(leadership);
  return { heard, leadership };
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
