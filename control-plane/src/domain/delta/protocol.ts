import type { MetaDataAction, ProtocolAction } from "./actions.ts";
import { unsupportedTable } from "./faults.ts";

/** Reader features that leave the list of live files and the rows in them as they are. */
const HARMLESS = new Set(["timestampNtz", "vacuumProtocolCheck"]);

/** @throws Problem `unsupported_table` naming the first feature that this reader does not implement */
export function checkProtocol(table: string, protocol: ProtocolAction): void {
  if (protocol.minReaderVersion > 3) {
    throw unsupportedTable(table, `reader version ${protocol.minReaderVersion}`, "versions up to 3 are known");
  }
  for (const feature of protocol.readerFeatures ?? []) {
    // Named in the protocol of every table with features, column mapping counts only when its mode is set (checkMetaData).
    if (!HARMLESS.has(feature) && feature !== "columnMapping") {
      throw unsupportedTable(table, feature, "readers must know this feature, and this one does not");
    }
  }
}

/** @throws Problem `unsupported_table` when columns have other names in the files than in the schema */
export function checkMetaData(table: string, metaData: MetaDataAction): void {
  const mode = metaData.configuration["delta.columnMapping.mode"] ?? "none";
  if (mode !== "none") throw unsupportedTable(table, "columnMapping", `its mode is ${mode}`);
}
