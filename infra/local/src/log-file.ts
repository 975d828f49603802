import {
  closeSync,
  copyFileSync,
  existsSync,
  fstatSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  statSync,
  truncateSync,
} from "node:fs";
import { dirname } from "node:path";

const KEPT_FILES = 3;
const TAIL_BYTES = 64 * 1024;

/**
 * What a service prints. The service writes into the file itself, so that it goes on when the supervisor is killed;
 * rotation copies the file and empties it, because a service cannot be told to open another one.
 */
export class LogFile {
  readonly path: string;
  readonly #rotateAt: number;

  /** @param rotateAt size in bytes from which the file is rotated */
  constructor(path: string, rotateAt: number) {
    this.path = path;
    this.#rotateAt = rotateAt;
  }

  /** A descriptor for a service's output. It appends wherever the end is, so that emptying the file leaves no hole. */
  open(): number {
    mkdirSync(dirname(this.path), { recursive: true });
    return openSync(this.path, "a", 0o640);
  }

  /** Moves the content to `.1` (and `.1` to `.2`, …) when the file has grown too large. */
  rotateIfLarge(): void {
    if (!existsSync(this.path) || statSync(this.path).size < this.#rotateAt) return;
    for (let number = KEPT_FILES - 1; number >= 1; number--) {
      if (existsSync(`${this.path}.${number}`)) renameSync(`${this.path}.${number}`, `${this.path}.${number + 1}`);
    }
    copyFileSync(this.path, `${this.path}.1`);
    truncateSync(this.path, 0);
  }
}

/** The last lines of a file; none when it does not exist. */
export function lastLines(path: string, count: number): string[] {
  if (!existsSync(path)) return [];
  const file = openSync(path, "r");
  try {
    const size = fstatSync(file).size;
    const length = Math.min(size, Math.max(TAIL_BYTES, count * 400));
    const buffer = Buffer.alloc(length);
    readSync(file, buffer, 0, length, size - length);
    const lines = buffer.toString("utf8").split("\n");
    if (lines.at(-1) === "") lines.pop();
    return lines.slice(-count);
  } finally {
    closeSync(file);
  }
}
