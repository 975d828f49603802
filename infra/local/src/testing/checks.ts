import { join } from "node:path";
import { CHECKOUT } from "../root.ts";
import { cleanEnvironment } from "../services/environment.ts";
import type { Settings } from "../settings.ts";
import { pytestCounts, type TestCounts, vitestCounts } from "./counts.ts";

export const PARTS = ["lint", "python", "unit", "integration", "long"] as const;
export type TestPart = (typeof PARTS)[number];
/** Too long for every run: only by its name. */
export const ON_REQUEST: readonly TestPart[] = ["long"];

/** One program of `npm test`. */
export interface Check {
  readonly title: string;
  readonly part: TestPart;
  readonly program: string;
  /** Arguments; a test runner gets the path of the report it has to write. */
  readonly args: (report: string) => readonly string[];
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
  /** Reads the report of a test runner. */
  readonly counts?: (report: string) => TestCounts;
}

/** All checks, in the order they run. */
export function checks(settings: Settings): Check[] {
  const projects = (["unit", "integration", "long"] as const).map((project) => vitest(settings, project));
  return [...linters(settings), ...python(settings), ...projects];
}

function linters(settings: Settings): Check[] {
  const node = { part: "lint", cwd: CHECKOUT, env: process.env } as const;
  return [
    { ...node, title: "Biome", program: bin("biome"), args: () => ["check"] },
    { ...node, title: "TypeScript", program: bin("tsc"), args: () => ["--noEmit", "-p", "tsconfig.json"] },
    pythonCheck(settings, "ruff check", "lint", ["-m", "ruff", "check"]),
    pythonCheck(settings, "ruff format", "lint", ["-m", "ruff", "format", "--check"]),
  ];
}

function python(settings: Settings): Check[] {
  return [
    pythonCheck(settings, "mypy", "python", ["-m", "mypy"]),
    // Two processes, a Spark session each: a session keeps one core busy, and not two.
    pytest(settings, "python", ["--numprocesses=2", "--dist=loadfile", "-m", "not long"]),
    pytest(settings, "long", ["--numprocesses=2", "--dist=load", "-m", "long"]),
  ];
}

function pytest(settings: Settings, part: TestPart, args: readonly string[]): Check {
  return {
    ...pythonCheck(settings, "pytest", part, []),
    args: (report) => ["-m", "pytest", ...args, `--junit-xml=${report}`],
    counts: pytestCounts,
  };
}

function pythonCheck(settings: Settings, title: string, part: TestPart, args: readonly string[]): Check {
  const { runtime, host } = settings;
  return {
    title,
    part,
    program: runtime.python,
    args: () => args,
    cwd: join(CHECKOUT, "spark_jobs"),
    env: {
      ...cleanEnvironment(settings),
      SPARK_HOME: runtime.sparkHome,
      SPARK_LOCAL_IP: host,
      PYSPARK_PYTHON: runtime.python,
      PENSTOCK_SPARK_JARS_DIR: runtime.connectors,
    },
  };
}

function vitest(settings: Settings, project: "unit" | "integration" | "long"): Check {
  return {
    title: `vitest, ${project} tests`,
    part: project,
    program: bin("vitest"),
    args: (report) => [
      ...["run", "--project", project, "--reporter=default", "--reporter=json", `--outputFile.json=${report}`],
    ],
    cwd: CHECKOUT,
    // The stack of the integration tests shares what is installed.
    env: { ...process.env, PENSTOCK_RUNTIME_DIR: settings.runtime.dir },
    counts: vitestCounts,
  };
}

function bin(name: string): string {
  return join(CHECKOUT, "node_modules", ".bin", name);
}
