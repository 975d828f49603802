import { type Fault, must } from "../fault.ts";
import type { Stage } from "../stage.ts";

const APPLICATION = "sales";
const JOB = "sales.gold";

interface Declared {
  spec: Record<string, unknown>;
  specRevision: number;
}

/** Faults of what is declared: too much for the cluster, or elsewhere. */
export const resourceFaults: Fault[] = [
  {
    id: "executor-too-large",
    what: "an executor larger than any worker: the jobs say so with the figures, and run again when the spec is put right",
    async happen(stage) {
      const before = await declared(stage, `/v1/applications/${APPLICATION}`);
      const tooLarge = { ...before.spec, executorMemory: "64g" };
      const refused = await put(stage, `/v1/applications/${APPLICATION}`, tooLarge, before.specRevision, {}).catch(
        (error: Error) => error.message,
      );
      must(String(refused).includes("does_not_fit"), `an executor of 64g was not refused: ${JSON.stringify(refused)}`);
      await put(stage, `/v1/applications/${APPLICATION}`, tooLarge, before.specRevision, {
        force: "true",
        restart: "true",
      });
      await stage.until("every job to be WAITING for 64g", async () => {
        const jobs = await Promise.all(stage.jobs.map((job) => stage.job(job)));
        const isTold = jobs.every(
          ({ state, reason }) => state === "WAITING" && /no resources.*64g.*free on/.test(reason ?? ""),
        );
        return isTold || { pending: jobs.map(({ id, state, reason }) => `${id} ${state} ${reason}`) };
      });
      const { specRevision } = await declared(stage, `/v1/applications/${APPLICATION}`);
      await put(stage, `/v1/applications/${APPLICATION}`, before.spec, specRevision, {});
    },
  },
  {
    id: "moved-to-its-own-application",
    what: "a job moves to a Spark application of its own, and back",
    async happen(stage) {
      const path = `/v1/jobs/${JOB}`;
      const before = await declared(stage, path);
      await move(stage, path, { ...before.spec, application: "dedicated" }, before.specRevision);
      const { specRevision } = await declared(stage, path);
      await move(stage, path, before.spec, specRevision);
    },
  },
];

async function move(stage: Stage, path: string, spec: Record<string, unknown>, revision: number): Promise<void> {
  const { operation } = await put<{ operation: string }>(stage, path, spec, revision, { restart: "true" });
  await stage.done({ id: operation, state: "running", steps: [] });
}

async function declared(stage: Stage, path: string): Promise<Declared> {
  return await stage.stack.rest.get<Declared>(path);
}

async function put<T>(
  stage: Stage,
  path: string,
  spec: Record<string, unknown>,
  revision: number,
  query: Record<string, string>,
): Promise<T> {
  return await stage.stack.rest.put<T>(path, query, spec, { "if-match": `"${revision}"` });
}
