import { mkdtemp, readFile, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createSignpost } from "../../src/adapters/signpost.ts";

let folder: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "penstock-signpost-"));
});

afterEach(async () => {
  await rm(folder, { recursive: true, force: true });
});

describe("the signpost to the control plane that decides", () => {
  it("is signed with the runner's token, as the runner expects it, and does not show it", async () => {
    const path = join(folder, "lake", "control-plane.json");
    await createSignpost(path, "runner-token")(["http://127.0.0.1:8080", "http://10.0.0.7:8080"]);
    const text = await readFile(path, "utf8");
    expect(JSON.parse(text)).toEqual({
      controlPlanes: ["http://127.0.0.1:8080", "http://10.0.0.7:8080"],
      // The same figures stand in the runner's test of its own side.
      signature: "becb67ea37317ff2db5a9d93af2206dd47e86af11f9e30c21110bba583477180",
    });
    expect(text).not.toContain("runner-token");
  });

  it("is not written again while it says the same", async () => {
    const path = join(folder, "control-plane.json");
    const putUp = createSignpost(path, "runner-token");
    await putUp(["http://127.0.0.1:8080"]);
    const { ino } = await stat(path);
    await putUp(["http://127.0.0.1:8080"]);
    expect((await stat(path)).ino).toBe(ino);
    await putUp(["http://127.0.0.1:9080"]);
    expect((await stat(path)).ino).not.toBe(ino);
  });
});
