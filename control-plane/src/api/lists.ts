import { Type } from "typebox";
import { nextCursor } from "./page-query.ts";

/** The page of a list: newest first, `cursor` goes on where the page before ended. */
export const listQuery = {
  limit: Type.Integer({ minimum: 1, maximum: 500, default: 50, description: "At most this many", examples: [50] }),
  cursor: Type.Optional(Type.String({ description: "`nextCursor` of the page before" })),
};

/** What a list answers to it. */
export const pageOf = <T extends Parameters<typeof Type.Array>[0]>(item: T, description: string) =>
  Type.Object({ items: Type.Array(item), nextCursor }, { description });

export const Nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) =>
  Type.Union([schema, Type.Null()]);

export const Instant = Type.String({ description: "ISO-8601, UTC", examples: ["2026-11-21T00:01:02.003Z"] });

export const Id = (description: string) =>
  Type.String({ description, examples: ["5c259ff4-f81b-458a-8d21-562e0d610c1e"] });

export const jobParams = Type.Object({ job: Type.String({ description: "Id of a job", examples: ["sales.gold"] }) });

export const applicationParams = Type.Object({
  app: Type.String({ description: "Name of an application", examples: ["sales"] }),
});
