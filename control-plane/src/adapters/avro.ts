import avro, { type Schema } from "avsc";
import type { AvroSchemas } from "../services/schemas.ts";

/** Avro schemas by avsc: says in words what a registry's yes or no leaves out. */
export const avroSchemas: AvroSchemas = {
  refusal(schema) {
    try {
      parse(schema);
      return null;
    } catch (error) {
      return wordsOf(error);
    }
  },

  misfit(reader, writer) {
    try {
      parse(reader).createResolver(parse(writer));
      return null;
    } catch (error) {
      return wordsOf(error);
    }
  },
};

/** From a copy: avsc writes into what it is given. */
function parse(schema: unknown): avro.Type {
  return avro.Type.forSchema(structuredClone(schema) as Schema);
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
