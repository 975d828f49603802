import type { Card, Dealt } from "./card.ts";
import type { Draft, Table } from "./table.ts";

const HUNDREDFOLD = 100;

/**
 * Cards about ids that come more than once. Whatever differs from the event it repeats goes to that event's partition,
 * where the order is the same for everybody: of different copies in different partitions any may come first.
 */
export const COPY_CARDS: readonly Card[] = [
  copying("a moment later", "recent"),
  copying("much later", "first"),
  copying("in another partition", "recent", (draft, { traffic }) => {
    draft.partition = (draft.partition + 1) % traffic.partitions;
    draft.key = "elsewhere";
  }),
  copying("spaces around the id", "recent", ({ event }) => {
    event.event_id = ` ${event.event_id}  `;
  }),
  copying("other content", "recent", changeContent),
  copying("other content, much later", "first", changeContent),
  {
    kind: "duplicate",
    variant: "a hundred times",
    rare: true,
    deal(table) {
      const sheet = table.sheet(table.draft());
      const copies = Array.from({ length: HUNDREDFOLD - 1 }, (): Dealt => ({ sheet }));
      return [{ sheet, kind: "odd", variant: "of which a hundred come" }, ...copies];
    },
  },
  {
    kind: "odd",
    variant: "after a copy that was refused",
    deal(table) {
      const good = table.draft();
      const bad = { ...good, event: { ...good.event, amount: Number.NaN } };
      return [
        { sheet: table.sheet(bad), kind: "invalid", variant: "before its good copy" },
        { sheet: table.sheet(good) },
      ];
    },
  },
  {
    kind: "odd",
    variant: "id in other case",
    deal(table) {
      const draft = table.draft();
      const other = { ...draft, event: { ...draft.event, event_id: draft.event.event_id.toUpperCase() } };
      return [{ sheet: table.sheet(draft), variant: "id that comes in other case" }, { sheet: table.sheet(other) }];
    },
  },
];

function copying(
  variant: string,
  when: "first" | "recent",
  change: (draft: Draft, table: Table) => void = () => undefined,
): Card {
  return {
    kind: "duplicate",
    variant,
    deal(table) {
      const draft = table.earlier(when);
      change(draft, table);
      return [{ sheet: table.sheet(draft) }];
    },
  };
}

function changeContent({ event }: Draft, { random }: Table): void {
  event.amount *= 2;
  event.plan_tier = random.pick(["free", "pro", "enterprise"]);
  event.trace_id = "conflict";
}
