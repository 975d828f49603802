import avro, { type Type } from "avsc";

/** An Avro record as avsc knows it; its own types leave the fields' defaults out. */
interface RecordType extends Type {
  fields: readonly { name: string; aliases: readonly string[]; type: Type; defaultValue(): unknown }[];
}

/**
 * Why records that an older schema wrote cannot be read with a new one, field by field and with the way out of each.
 *
 * Registries answer with a yes or no, or with words that leave the field out.
 * @param schema Avro record as JSON text
 * @param older versions of the subject
 * @returns nothing where all of them can be read, or where a schema is no record
 */
export function misfits(schema: string, older: readonly { version: number; schema: string }[]): string[] {
  const reader = recordOf(schema);
  if (reader === undefined) return [];
  const found = new Map<string, number[]>();
  for (const { version, schema: text } of older) {
    const writer = recordOf(text);
    for (const text of writer === undefined ? [] : fieldMisfits(reader, writer)) {
      found.set(text, [...(found.get(text) ?? []), version]);
    }
  }
  return [...found].map(([text, versions]) => text.replace("{versions}", nameVersions(versions)));
}

function fieldMisfits(reader: RecordType, writer: RecordType): string[] {
  return reader.fields.flatMap((field) => {
    const names = [field.name, ...field.aliases];
    const written = writer.fields.find(({ name }) => names.includes(name));
    if (written === undefined) {
      if (field.defaultValue() !== undefined) return [];
      return [
        `field "${field.name}" is new and has no default, so records of {versions} cannot be read; ` +
          `give it one, such as "type": ["null", ${textOf(field.type)}], "default": null`,
      ];
    }
    if (canRead(field.type, written.type)) return [];
    return [
      `field "${field.name}" is ${textOf(field.type)} now and was ${textOf(written.type)} in {versions}, which cannot be read as that; ` +
        `keep its type, or add a field of another name with a default`,
    ];
  });
}

function recordOf(schema: string): RecordType | undefined {
  try {
    const type = avro.Type.forSchema(JSON.parse(schema));
    return type.typeName === "record" ? (type as RecordType) : undefined;
  } catch {
    return undefined;
  }
}

function canRead(reader: Type, writer: Type): boolean {
  try {
    reader.createResolver(writer);
    return true;
  } catch {
    return false;
  }
}

function textOf(type: Type): string {
  return JSON.stringify(type.schema({ noDeref: true }));
}

function nameVersions(versions: readonly number[]): string {
  return versions.length === 1 ? `version ${versions[0]}` : `the versions ${versions.join(", ")}`;
}
