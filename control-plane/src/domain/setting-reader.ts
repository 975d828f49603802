import { parseDuration } from "./duration.ts";
import { parseSize } from "./size.ts";

export type Environment = Record<string, string | undefined>;
/** Called with each setting that is wrong, and what was expected. */
export type Complain = (name: string, expected: string) => void;

/** Reads settings that are numbers above nought, each with a default; what is wrong is complained of and read as nought. */
export interface SettingReader {
  /** @param of what is counted, for who reads the complaint */
  count(name: string, fallback: string, of: string): number;
  /** bytes */
  size(name: string, fallback: string): number;
  /** milliseconds */
  time(name: string, fallback: string): number;
}

type Parse = (text: string) => number | undefined;

const wholeNumber: Parse = (text) => (/^[1-9][0-9]{0,8}$/.test(text) ? Number(text) : undefined);

export function settingReader(env: Environment, complain: Complain): SettingReader {
  const read = (name: string, fallback: string, parse: Parse, expected: string): number => {
    const value = parse(env[name] || fallback);
    if (value === undefined || value <= 0) complain(name, expected);
    return value ?? 0;
  };
  return {
    count: (name, fallback, of) => read(name, fallback, wholeNumber, `a number of ${of}`),
    size: (name, fallback) => read(name, fallback, parseSize, "a size such as 500MB or 5GB"),
    time: (name, fallback) => read(name, fallback, parseDuration, "a duration such as 10s or 1m"),
  };
}
