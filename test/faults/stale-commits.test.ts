import { describe, expect, it } from "vitest";
import type { Action } from "../../control-plane/src/domain/delta/actions.ts";
import { staleCommits } from "./stale-commits.ts";

const entry = (epoch: number, job = "sales.silver"): Action => ({
  commitInfo: { userMetadata: JSON.stringify({ penstock: 1, kind: "batch", job, generation: 1, epoch, batch: 0 }) },
});
const takeover = (epoch: number, job = "sales.silver"): Action => ({
  metaData: {
    id: "t",
    schemaString: "",
    partitionColumns: [],
    configuration: { [`penstock.epoch.${job}`]: `${epoch}` },
  },
});
const log = (...commits: Action[]) => staleCommits(commits.map((action, version) => ({ version, actions: [action] })));

describe("stale commits", () => {
  it("are none while epochs only rise, whatever other commits lie between", () => {
    expect(log(takeover(1), entry(1), { commitInfo: { userMetadata: "by hand" } }, takeover(9), entry(10))).toEqual([]);
  });

  it("are those of a run after a newer run's commit or takeover", () => {
    expect(log(entry(1), entry(2), entry(1))).toEqual([
      { version: 2, job: "sales.silver", epoch: 1, replacedBy: { epoch: 2, version: 1 } },
    ]);
    expect(log(entry(1), takeover(2), entry(1)).map(({ version }) => version)).toEqual([2]);
    expect(log(takeover(2), takeover(1)).map(({ version }) => version)).toEqual([1]);
  });

  it("compare runs of one job only", () => {
    expect(log(entry(5, "sales.gold"), entry(1, "sales.dq"))).toEqual([]);
  });
});
