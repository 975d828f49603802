/** Something wrong in a checkpoint, and the ways out of it. */
export interface Finding {
  /** relative to the checkpoint's folder */
  file: string;
  problem: string;
  /** a start of the query fails on it */
  stopsStart: boolean;
  waysOut: string[];
}

/** Which entry of which log is damaged. */
export interface Place {
  log: "offsets" | "commits";
  batch: bigint;
  newest: boolean;
  /** the one before the newest */
  previous: boolean;
  ledgerBatch: bigint | null;
}

const BACKUP = "Stop the job, restore the file from a backup of the checkpoint, start the job.";
const ANEW =
  "Without a backup: replay the job (POST /v1/jobs/{job}/replay?autoPromote=true), which makes its tables and checkpoint anew beside these and then takes their place. A replay of the job that reads Kafka needs all records there still.";
const NOTHING = "Nothing has to be done: a start does not read it.";

/** A file that every start reads, whatever batch it comes to. */
export function damagedMetadata(problem: string): Finding {
  const anew = 'Write {"id":"<a new UUID>"} into it: the query gets that id, and goes on where it was.';
  return { file: "metadata", problem, stopsStart: true, waysOut: [BACKUP, anew] };
}

export function damagedEntry(problem: string, place: Place): Finding {
  const { log, batch, newest, previous } = place;
  const file = `${log}/${batch}`;
  const stopsStart = newest || (log === "offsets" && previous);
  if (!stopsStart) return { file, problem, stopsStart, waysOut: [NOTHING] };
  const ways = log === "commits" ? [commitWayOut(file, place)] : newest ? [offsetsWayOut(file, place)] : [];
  return { file, problem, stopsStart, waysOut: [BACKUP, ...ways, ANEW] };
}

export function missing(file: string): Finding {
  return {
    file,
    problem: "it is missing although batches are logged: a start gives the query a new id and goes on where it was",
    stopsStart: false,
    waysOut: [BACKUP, "Start the job as it is: it does not rely on the query's id."],
  };
}

export function gapIn(log: string, batch: bigint, beforeNewest: boolean): Finding {
  const stopsStart = log === "offsets" && beforeNewest;
  return {
    file: `${log}/${batch}`,
    problem: "it is missing although older and newer batches are there",
    stopsStart,
    waysOut: stopsStart ? [BACKUP, ANEW] : [NOTHING],
  };
}

export function unplannedCommit(commit: bigint, newestOffsets: bigint | null, ledgerBatch: bigint | null): Finding {
  const repeats = newestOffsets === null ? "would begin anew" : `would repeat batch ${newestOffsets}`;
  return {
    file: `commits/${commit}`,
    problem: `batch ${commit} is committed and its offsets are not logged: a start ${repeats} ${ledgerSays(ledgerBatch)}`,
    stopsStart: true,
    waysOut: [`Stop the job, restore offsets/${commit} from a backup of the checkpoint, start the job.`, ANEW],
  };
}

export function unseenBatches(commit: bigint, offsets: bigint, ledgerBatch: bigint | null): Finding {
  const isWritten = ledgerBatch !== null && ledgerBatch >= offsets - 1n;
  return {
    file: `commits/${offsets - 1n}`,
    problem: `the newest commit is that of batch ${commit}, and batches up to ${offsets} are logged: a start takes those up to ${offsets - 1n} for done ${ledgerSays(ledgerBatch)}`,
    stopsStart: false,
    waysOut: isWritten ? ["Nothing has to be done: the ledger shows that they are in the table."] : [BACKUP, ANEW],
  };
}

/** The ledger decides whether a batch may be planned anew: one that is in the table would be skipped with its new range. */
function offsetsWayOut(file: string, { batch, ledgerBatch }: Place): string {
  if (ledgerBatch !== null && ledgerBatch >= batch) {
    return `Batch ${batch} is in the table, by the ledger (newest batch ${ledgerBatch}): never remove ${file}. Stop the job and write the file anew: the lines 1 and 2 of a neighbour, and as line 3 the text of source.to in the ledger entry of batch ${batch}.`;
  }
  const known =
    ledgerBatch === null ? "the ledger has no batch of this job" : `the ledger's newest batch is ${ledgerBatch}`;
  return `Nothing of batch ${batch} is in the table (${known}): stop the job, move ${file} out of the checkpoint, start the job; it plans batch ${batch} anew and nothing is lost.`;
}

function commitWayOut(file: string, { batch }: Place): string {
  return `Stop the job, move ${file} out of the checkpoint, start the job: it repeats batch ${batch}, and what is in the table already is not written again.`;
}

function ledgerSays(ledgerBatch: bigint | null): string {
  return ledgerBatch === null
    ? "(the ledger has no batch of this job)"
    : `(the ledger's newest batch is ${ledgerBatch})`;
}
