import type { Kind } from "../record.ts";
import { type Card, changing } from "./card.ts";

/** Rounded half up on the shortest decimal form: where binary fractions mislead, and where money ends. */
const EARNED = [
  0, -0, -0.004, 0.004999999999999999, 0.005, 0.015, 1.005, 2.675, 33.335, 1234.565, 0.30000000000000004, 1e-7, 5e-324,
  4503599627370495.5, 9007199254740992, 9999999999999998,
];
const REFUNDED = [-0.005, -1.005, -2.675, -9999999999999998];
const BAD_EARNED = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  1e16, // the first that decimal(18,2) cannot hold
  1e22,
  Number.MAX_VALUE,
  -0.005,
  -19.99,
];
const BAD_REFUNDED = [0, -0, -0.004, 19.99, Number.NaN, Number.NEGATIVE_INFINITY, -1e16];

/** Cards about money. */
export const AMOUNT_CARDS: readonly Card[] = [
  ...EARNED.map((amount) => amounting("odd", amount, false)),
  ...REFUNDED.map((amount) => amounting("odd", amount, true)),
  ...BAD_EARNED.map((amount) => amounting("invalid", amount, false)),
  ...BAD_REFUNDED.map((amount) => amounting("invalid", amount, true)),
];

function amounting(kind: Kind, amount: number, refund: boolean): Card {
  const written = Object.is(amount, -0) ? "-0" : String(amount);
  return changing(
    kind,
    `${refund ? "refund of" : "amount"} ${written}`,
    ({ event }) => {
      event.amount = amount;
    },
    { refund },
  );
}
