import { existsSync, readdirSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Fault, must } from "../fault.ts";
import type { Stage } from "../stage.ts";

/** Faults of single jobs: the others must not notice. */
export const jobFaults: Fault[] = [
  {
    id: "query-dies",
    what: "one query of a living application dies (its checkpoint cannot be written); the others go on",
    async happen(stage) {
      const job = "sales.dq";
      const before = await stage.epochs();
      const offsets = join(checkpoint(stage, job), "offsets");
      renameSync(offsets, `${offsets}.away`);
      writeFileSync(offsets, "in the way");
      try {
        await stage.until("the job to be FAILED with its exception", async () => {
          const { state, reason } = await stage.job(job);
          return (
            (state === "FAILED" && /\w+Exception|\w+Error/.test(reason ?? "")) || { pending: `${state} ${reason}` }
          );
        });
      } finally {
        rmSync(offsets);
        renameSync(`${offsets}.away`, offsets);
      }
      const after = await stage.epochs();
      for (const other of stage.jobs.filter((id) => id !== job)) {
        must(after[other] === before[other], `${other} was started again although only ${job} died`);
      }
      await stage.done(await stage.request(job, "start"));
    },
  },
  {
    id: "checkpoint-truncated",
    what: "the newest offset file of a stopped job's checkpoint is truncated, and put back later",
    async happen(stage) {
      const job = "sales.gold";
      await stage.done(await stage.request(job, "stop"));
      const file = newestFile(join(checkpoint(stage, job), "offsets"));
      const content = readFileSync(file);
      truncateSync(file, 0);
      await stage.request(job, "start");
      await stage.until("the start to fail, naming the file", async () => {
        const { state, reason } = await stage.job(job);
        return (state === "FAILED" && (reason ?? "").includes("offsets/")) || { pending: `${state} ${reason}` };
      });
      const { damage } = await stage.stack.rest.get<{ damage: { file: string; waysOut: string[] }[] }>(
        `/v1/jobs/${job}/checkpoint`,
      );
      const isTold = damage.some((finding) => file.endsWith(finding.file) && finding.waysOut.length > 0);
      must(isTold, `/checkpoint says ${JSON.stringify(damage)}`);
      writeFileSync(file, content);
      await stage.done(await stage.request(job, "start"));
    },
  },
  {
    id: "application-killed-on-request",
    what: "stop with mode kill and force, then start",
    async happen(stage) {
      const job = "sales.gold";
      const victims = stage.drivers();
      await stage.done(await stage.request(job, "stop", { mode: "kill", force: true }));
      must(!stage.drivers().some(({ pid }) => victims.some((victim) => victim.pid === pid)), "the driver lives");
      await stage.done(await stage.request(job, "start"));
    },
  },
];

function checkpoint(stage: Stage, job: string): string {
  const folder = join(stage.stack.stateDir, "checkpoints", "gen=1", job);
  if (!existsSync(folder)) throw new Error(`There is no checkpoint at ${folder}.`);
  return folder;
}

function newestFile(folder: string): string {
  const batches = readdirSync(folder).filter((name) => /^\d+$/.test(name));
  return join(folder, String(Math.max(...batches.map(Number))));
}
