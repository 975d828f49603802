import { UserError } from "./user-error.ts";

export type Environment = Readonly<Record<string, string | undefined>>;

const SIZE_UNITS: Readonly<Record<string, number>> = { KB: 1e3, MB: 1e6, GB: 1e9, TB: 1e12 };

/** A setting as text; an empty value counts as not set. */
export function text(env: Environment, name: string, standard: string): string {
  const value = env[name]?.trim();
  return value ? value : standard;
}

/** True when the variable is set to anything but nothing and `0`. */
export function flag(env: Environment, name: string): boolean {
  return !["", "0", "false"].includes(text(env, name, ""));
}

/** A whole number. @throws UserError outside of the range */
export function count(
  env: Environment,
  name: string,
  standard: number,
  range: { least: number; most: number; unit: string },
): number {
  const value = text(env, name, String(standard));
  const number = Number(value);
  if (!/^\d+$/.test(value) || number < range.least || number > range.most) {
    throw new UserError(
      `${name} is "${value}": expected a whole number of ${range.unit} from ${range.least} to ${range.most}.`,
    );
  }
  return number;
}

/** A TCP port. @throws UserError when it is none */
export function port(env: Environment, name: string, standard: number): number {
  const value = text(env, name, String(standard));
  const number = Number(value);
  if (!/^\d+$/.test(value) || number < 1 || number > 65_535) {
    throw new UserError(`${name} is "${value}": expected a port number from 1 to 65535.`);
  }
  return number;
}

/** A size such as `5GB`, as text and in bytes (1 GB = 10^9 bytes). @throws UserError when it is none */
export function size(env: Environment, name: string, standard: string): { text: string; bytes: number } {
  const value = text(env, name, standard);
  const match = /^(\d+(?:\.\d+)?)\s*(KB|MB|GB|TB)$/i.exec(value);
  if (!match) throw new UserError(`${name} is "${value}": expected a size such as 500MB or 5GB.`);
  return { text: value, bytes: Math.round(Number(match[1]) * (SIZE_UNITS[(match[2] ?? "").toUpperCase()] ?? 0)) };
}

/** A memory size as Java and Spark write it: `800m`, `3g`. @throws UserError when it is none */
export function memory(env: Environment, name: string, standard: string): string {
  const value = text(env, name, standard);
  if (!/^[1-9]\d*[mg]$/i.test(value)) {
    throw new UserError(`${name} is "${value}": expected megabytes or gigabytes such as 256m or 3g.`);
  }
  return value.toLowerCase();
}
