import { uniformFloat64 } from "pure-rand/distribution/uniformFloat64";
import { uniformInt } from "pure-rand/distribution/uniformInt";
import { xoroshiro128plus } from "pure-rand/generator/xoroshiro128plus";

/** Seeded random choices: the same seed gives the same ones in the same order. */
export class Random {
  private readonly generator;

  /** @param seed a whole number of 32 bits */
  constructor(seed: number) {
    this.generator = xoroshiro128plus(seed);
  }

  /** @returns a number from 0 (included) to 1 (excluded) */
  fraction(): number {
    return uniformFloat64(this.generator);
  }

  chance(share: number): boolean {
    return this.fraction() < share;
  }

  /** Both ends are included. */
  int(from: number, to: number): number {
    return uniformInt(this.generator, from, to);
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.int(0, choices.length - 1)] as T;
  }

  hex(digits: number): string {
    let text = "";
    while (text.length < digits) text += this.int(0, 0xffff).toString(16).padStart(4, "0");
    return text.slice(0, digits);
  }

  uuid(): string {
    const hex = this.hex(32);
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
  }
}
