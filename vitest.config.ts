import { defineConfig } from "vitest/config";

/** Tests of one stack, which goes through their files one after another. */
const ON_A_STACK = {
  globalSetup: ["test/integration/stack-setup.ts"],
  fileParallelism: false,
  testTimeout: 300_000,
  hookTimeout: 300_000,
};

export default defineConfig({
  test: {
    // Most files wait more than they compute: for their own Postgres, for backoffs, for time limits.
    maxWorkers: 3,
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
      { test: { name: "integration", include: ["test/integration/**/*.test.ts"], ...ON_A_STACK } },
      // Minutes, and a stack of their own: after a promotion everything is published once more, which other tests count.
      { test: { name: "long", include: ["test/{long,replay}/**/*.test.ts"], ...ON_A_STACK } },
    ],
  },
});
