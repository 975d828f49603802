import type { Kind } from "../record.ts";
import type { Draft, Sheet, Table } from "./table.ts";

/** One way of being nasty. */
export interface Card {
  /** decides what becomes of the record, unless chance has a say in it */
  kind: Kind;
  variant: string;
  /** costs much: dealt in the first round, and then in few */
  rare?: boolean;
  /** Makes the records; what comes behind the first is sent later, in this order, in between others. */
  deal(table: Table): Dealt[];
}

/** A record of a card; of the card's own kind and variant when it does not say otherwise. */
export interface Dealt {
  sheet: Sheet;
  kind?: Kind;
  variant?: string;
}

/** A card whose only record is an ordinary event with something changed. */
export function changing(
  kind: Kind,
  variant: string,
  change: (draft: Draft, table: Table) => void,
  options: { refund?: boolean } = {},
): Card {
  return {
    kind,
    variant,
    deal(table) {
      const draft = table.draft(options);
      change(draft, table);
      return [{ sheet: table.sheet(draft) }];
    },
  };
}

/** A card whose only record has another value than the event's. */
export function valued(
  kind: Kind,
  variant: string,
  write: (draft: Draft, table: Table) => Buffer | null,
  options: { rare?: boolean } = {},
): Card {
  return {
    kind,
    variant,
    ...options,
    deal(table) {
      const draft = table.draft();
      return [{ sheet: table.sheet(draft, write(draft, table)) }];
    },
  };
}
