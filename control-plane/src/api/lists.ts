import { Type } from "typebox";

/** The page of a list: newest first, `cursor` goes on where the page before ended. */
export const listQuery = {
  limit: Type.Integer({ minimum: 1, maximum: 500, default: 50, description: "At most this many", examples: [50] }),
  cursor: Type.Optional(Type.String({ description: "`nextCursor` of the page before" })),
};

export const Nullable = <T extends Parameters<typeof Type.Union>[0][number]>(schema: T) =>
  Type.Union([schema, Type.Null()]);

export const Instant = Type.String({ description: "ISO-8601, UTC", examples: ["2026-11-21T00:01:02.003Z"] });

export const jobParams = Type.Object({ job: Type.String({ description: "Id of a job", examples: ["sales.gold"] }) });
