import { parseArgs } from "node:util";
import { Expected, type Read } from "./setting.ts";

/** One option of a command: `--name VALUE`, or the environment. */
export interface Option<T> {
  read: Read<T>;
  /** as it would be written on the command line; an option without one may stay unset */
  default?: string;
  /** variables that are looked at when the option is not given, the first that is set wins */
  environment?: readonly string[];
  /** how the value is called in the help */
  value: string;
  help: string;
}

type Options = Record<string, Option<unknown>>;
/** What {@link readCommandLine} gives: options without a default may be undefined. */
export type Values<O extends Options> = {
  [K in keyof O]: O[K] extends { default: string } ? ReturnType<O[K]["read"]> : ReturnType<O[K]["read"]> | undefined;
};

/** A mistake of the user: the message is all there is to say, a stack trace would not help. */
export class UsageError extends Error {}

/**
 * Reads `--name VALUE` options and switches.
 * @param args the arguments behind the script's name
 * @throws {UsageError} naming the option or variable, the value and what was expected
 */
export function readCommandLine<O extends Options, S extends string>(
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  options: O,
  switches: Record<S, string>,
): { values: Values<O>; switches: Record<S, boolean> } {
  const given = parse(args, options, switches);
  const values: Record<string, unknown> = {};
  for (const [name, option] of Object.entries(options)) {
    const variable = option.environment?.find((key) => (environment[key] ?? "") !== "");
    const [label, value] =
      typeof given[name] === "string"
        ? [`--${name}`, given[name]]
        : variable !== undefined
          ? [variable, environment[variable]]
          : [`--${name}`, option.default];
    values[name] = value === undefined ? undefined : readOne(option, label, value);
  }
  const on = Object.fromEntries(Object.keys(switches).map((name) => [name, given[name] === true]));
  return { values: values as Values<O>, switches: on as Record<S, boolean> };
}

/** The options as a block of text for `--help`. */
export function describeOptions(options: Options, switches: Record<string, string>): string {
  const rows = Object.entries(options).map(([name, option]) => {
    const notes = [
      option.default === undefined ? "" : `default ${option.default}`,
      option.environment === undefined ? "" : option.environment.join(" or "),
    ].filter((note) => note !== "");
    return [`--${name} ${option.value}`, option.help + (notes.length > 0 ? ` [${notes.join("; ")}]` : "")];
  });
  const flags = Object.entries(switches).map(([name, help]) => [`--${name}`, help]);
  return [...rows, ...flags].map(([left = "", right]) => `  ${left.padEnd(26)} ${right}`).join("\n");
}

function parse(args: readonly string[], options: Options, switches: Record<string, string>): Record<string, unknown> {
  const strings = Object.keys(options).map((name) => [name, { type: "string" as const }]);
  const flags = Object.keys(switches).map((name) => [name, { type: "boolean" as const }]);
  try {
    return parseArgs({ args: [...args], options: Object.fromEntries([...strings, ...flags]), strict: true }).values;
  } catch (error) {
    throw new UsageError(`${(error as Error).message.split(". ")[0]}. --help lists what there is.`);
  }
}

function readOne(option: Option<unknown>, label: string, value: string): unknown {
  try {
    return option.read(value);
  } catch (error) {
    if (!(error instanceof Expected)) throw error;
    throw new UsageError(`${label}: expected ${error.message}, got '${value}'.`);
  }
}
