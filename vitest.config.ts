import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    // Most files wait more than they compute: for their own Postgres, for backoffs, for time limits.
    maxWorkers: 3,
    projects: [
      {
        test: {
          name: "unit",
          include: [
            "control-plane/test/**/*.test.ts",
            "producer/test/**/*.test.ts",
            "infra/local/test/**/*.test.ts",
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
