import { parseDuration } from "./duration.ts";

/** Reads one setting; throws {@link Expected} with what it wants instead. */
export type Read<T> = (text: string) => T;

/** What a setting must look like; the caller knows the name and the value. */
export class Expected extends Error {}

export const text: Read<string> = (value) => {
  if (value.trim() === "") throw new Expected("a text");
  return value;
};

/** host:port, several separated by commas */
export const addresses: Read<string[]> = (value) => {
  const list = value.split(",").map((address) => address.trim());
  if (!list.every((address) => /^[^\s:]+:\d{1,5}$/.test(address))) {
    throw new Expected("host:port, several separated by commas, such as 127.0.0.1:9092");
  }
  return list;
};

export const httpUrl: Read<string> = (value) => {
  if (!/^https?:$/.test(URL.parse(value)?.protocol ?? "")) {
    throw new Expected("an http(s) URL, such as http://127.0.0.1:8081/apis/ccompat/v7");
  }
  return value.replace(/\/+$/, "");
};

export const share: Read<number> = (value) => {
  const number = decimal(value);
  if (number === undefined || number > 1) throw new Expected("a share between 0 and 1, such as 0.05");
  return number;
};

export const rate: Read<number> = (value) => {
  const number = decimal(value);
  if (number === undefined) throw new Expected("events per second, such as 20 or 0.5; 0 is as fast as possible");
  return number;
};

export const positive: Read<number> = (value) => {
  const number = decimal(value);
  if (number === undefined || number === 0) throw new Expected("a number above 0, such as 20 or 0.5");
  return number;
};

export function oneOf<const T extends string>(...choices: T[]): Read<T> {
  return (value) => {
    const choice = choices.find((name) => name === value);
    if (choice === undefined) throw new Expected(choices.join(" or "));
    return choice;
  };
}

export function wholeNumber(least: number, most: number): Read<number> {
  return (value) => {
    const number = /^\d{1,15}$/.test(value) ? Number(value) : Number.NaN;
    if (!(number >= least && number <= most)) throw new Expected(`a whole number from ${least} to ${most}`);
    return number;
  };
}

/** Milliseconds. */
export const duration: Read<number> = (value) => {
  const ms = parseDuration(value);
  if (ms === undefined) throw new Expected("a duration such as 500ms, 30s, 5m, 1h or 7d");
  return ms;
};

/** Milliseconds since 1970. */
export const moment: Read<number> = (value) => {
  const ms = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)$/.test(value)
    ? Date.parse(value)
    : Number.NaN;
  if (Number.isNaN(ms)) throw new Expected("an ISO-8601 time with its zone, such as 2026-11-21T10:00:00Z");
  return ms;
};

function decimal(value: string): number | undefined {
  return /^(\d+\.?\d*|\.\d+)$/.test(value) ? Number(value) : undefined;
}
