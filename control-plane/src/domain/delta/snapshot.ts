import type { Action, AddAction } from "./actions.ts";
import { damagedTable, unsupportedTable } from "./faults.ts";
import { type LedgerEntry, parseLedgerEntry } from "./ledger-entry.ts";
import { checkMetaData, checkProtocol } from "./protocol.ts";
import { type Column, parseSchema } from "./schema.ts";

/** A data file of one version. */
export interface LiveFile {
  /** relative to the table's folder, as on disk */
  path: string;
  /** as the log writes them; null is SQL's NULL */
  partition: Readonly<Record<string, string | null>>;
  /** bytes */
  size: number;
}

/** A ledger entry and the version whose commit carried it. */
export interface CommittedEntry extends LedgerEntry {
  version: number;
}

/** One version of one table; never changed once made. */
export interface Snapshot {
  table: string;
  version: number;
  columns: readonly Column[];
  partitionColumns: readonly string[];
  /** by path as the log writes it; the map of the version before, where that one has the same files */
  files: ReadonlyMap<string, LiveFile>;
  /** newest entry of each kind, of those whose commit was read: log clean-up and checkpoints drop entries */
  ledger: Readonly<Partial<Record<LedgerEntry["kind"], CommittedEntry>>>;
  /** newest version per appId */
  transactions: ReadonlyMap<string, number>;
}

/** A commit, or the rows of a checkpoint, with the version that it leads to. */
export interface Step {
  version: number;
  actions: readonly Action[];
}

/**
 * The snapshot after further steps, in order of version.
 * @param before undefined to begin with a checkpoint or with version 0
 * @throws Problem `unsupported_table`, or `damaged_table` for steps that do not follow on each other or never say what the table looks like
 */
export function extend(table: string, before: Snapshot | undefined, steps: readonly Step[]): Snapshot {
  let version = before?.version;
  let columns = before?.columns;
  let partitionColumns = before?.partitionColumns;
  let protocolSeen = before !== undefined;
  const changesFiles = steps.some(({ actions }) => actions.some(({ add, remove }) => add != null || remove != null));
  const files = new Map(changesFiles ? before?.files : []);
  const transactions = new Map(before?.transactions);
  const ledger = { ...before?.ledger };
  for (const step of steps) {
    if (version !== undefined && step.version !== version + 1) {
      throw damagedTable(table, `version ${step.version} does not follow on version ${version}`);
    }
    version = step.version;
    for (const { protocol, metaData, add, remove, txn, commitInfo, sidecar } of step.actions) {
      if (protocol != null) {
        checkProtocol(table, protocol);
        protocolSeen = true;
      } else if (metaData != null) {
        checkMetaData(table, metaData);
        columns = parseSchema(table, metaData.schemaString);
        partitionColumns = metaData.partitionColumns;
      } else if (add != null) files.set(add.path, liveFile(table, add));
      else if (remove != null) files.delete(remove.path);
      else if (txn != null) transactions.set(txn.appId, txn.version);
      else if (commitInfo != null) Object.assign(ledger, entryOf(commitInfo, version));
      else if (sidecar != null) throw unsupportedTable(table, "v2Checkpoint", "its checkpoint has sidecar files");
    }
  }
  if (version === undefined || columns === undefined || partitionColumns === undefined || !protocolSeen) {
    throw damagedTable(table, "neither checkpoint nor commits hold its protocol and schema");
  }
  const found = before === undefined || changesFiles ? files : before.files;
  return { table, version, columns, partitionColumns, files: found, ledger, transactions };
}

/** A file as a commit adds it. @throws Problem `unsupported_table`, `damaged_table` */
export function liveFile(table: string, add: AddAction): LiveFile {
  if (add.deletionVector != null) {
    throw unsupportedTable(table, "deletionVectors", `file ${add.path} has rows that are marked as deleted`);
  }
  if (/^[A-Za-z][A-Za-z0-9+.-]*:|^\//.test(add.path)) {
    throw unsupportedTable(table, "files outside of the table", `${add.path} (a shallow clone?)`);
  }
  let path: string;
  try {
    path = decodeURIComponent(add.path);
  } catch (cause) {
    throw damagedTable(table, `the path ${add.path} is not URI-encoded`, cause);
  }
  if (path.split("/").includes("..")) throw damagedTable(table, `the path ${path} leads out of the table`);
  return { path, partition: add.partitionValues, size: add.size };
}

/** The same snapshot with ledger entries of a commit that it already covers, as far as it knows none of their kind. */
export function withEntries(snapshot: Snapshot, { version, actions }: Step): Snapshot {
  const entries = actions.map(({ commitInfo }) => (commitInfo == null ? {} : entryOf(commitInfo, version)));
  return { ...snapshot, ledger: Object.assign({}, ...entries, snapshot.ledger) };
}

function entryOf(commitInfo: NonNullable<Action["commitInfo"]>, version: number): Snapshot["ledger"] {
  const entry = commitInfo.userMetadata == null ? undefined : parseLedgerEntry(commitInfo.userMetadata);
  return entry === undefined ? {} : { [entry.kind]: { ...entry, version } };
}

/** The newest of several entries, by version. */
export function newestEntry(snapshot: Snapshot, ...kinds: LedgerEntry["kind"][]): CommittedEntry | undefined {
  const entries = kinds.flatMap((kind) => snapshot.ledger[kind] ?? []);
  return entries.sort((a, b) => b.version - a.version)[0];
}
