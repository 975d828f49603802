import { resolve } from "node:path";

/** The folder of the checkout, absolute. */
export const CHECKOUT: string = resolve(import.meta.dirname, "..", "..", "..");
