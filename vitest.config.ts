import { defineConfig } from "vitest/config";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/**
 * Integration tests share one stack and go by their names: after a promotion everything is published once more, so those that
 * replay (`replay`, `shadow-jobs`) come after the one that counts what was published.
 */
class SharedStackByName extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const isShared = ({ project }: TestSpecification) => project.name === "integration";
    const others = await super.sort(files.filter((file) => !isShared(file)));
    return [...others, ...files.filter(isShared).sort((a, b) => (a.moduleId < b.moduleId ? -1 : 1))];
  }
}

export default defineConfig({
  test: {
    // Most files wait more than they compute: for their own Postgres, for backoffs, for time limits.
    maxWorkers: 3,
    sequence: { sequencer: SharedStackByName },
    projects: [
      {
        test: {
          name: "unit",
          globalSetup: ["control-plane/test/fixtures/postgres-template.ts"],
          include: [
            "control-plane/test/**/*.test.ts",
            "producer/test/**/*.test.ts",
            "infra/{local,docker}/test/**/*.test.ts",
            "test/{faults,smoke}/**/*.test.ts",
          ],
        },
      },
      {
        test: {
          name: "integration",
          include: ["test/integration/**/*.test.ts"],
          globalSetup: ["test/integration/stack-setup.ts"],
          fileParallelism: false,
          testTimeout: 300_000,
          hookTimeout: 300_000,
        },
      },
    ],
  },
});
