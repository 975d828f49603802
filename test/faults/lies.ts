import { PROGRESS_LIMIT } from "../../control-plane/src/domain/lifecycle/progress-limit.ts";

/** What of the API's answer about a job can be contradicted. */
export interface Said {
  id: string;
  state: string;
  application: string;
}

/** One look at a stack: what the API says, and what processes and files show. */
export interface Look {
  /** seconds since the first */
  at: number;
  /** null: the API does not answer, and who says nothing does not lie */
  jobs: readonly Said[] | null;
  /** applications with a driver that lives and is not frozen */
  working: ReadonlySet<string>;
  /** by job: a mark that is another one after each commit to the table that it writes */
  written: Readonly<Record<string, string>>;
  /** by job: a mark that is another one whenever there is more to read for it */
  readable: Readonly<Record<string, string>>;
}

/** What has been seen of a job. */
interface Trail {
  state: string;
  stateAt: number;
  written: string;
  writtenAt: number;
  readable: string;
  readableAt: number;
}

/** States that say that a query does not work. A job that is UNKNOWN may work, and one that is DRAINING does. */
const IDLE_STATES = ["STOPPED", "FAILED", "STARTING", "WAITING", "STALLED"];
/** So long after a commit its query counts as at work; a single commit (a takeover, housekeeping) is no work. */
const AT_WORK_S = 5;
/** So long a query may live without a word before the API has to say STALLED. */
const SILENT_S = PROGRESS_LIMIT.mostMs / 1000;

/** Finds what the API says and is not so, and for how long. */
export class Lies {
  /** the longest, in seconds, and what was said */
  longest: { seconds: number; what: string } = { seconds: 0, what: "" };
  private readonly trails = new Map<string, Trail>();
  private readonly since = new Map<string, number>();

  judge(look: Look): void {
    if (look.jobs === null) this.since.clear();
    for (const job of look.jobs ?? []) {
      const trail = this.follow(job, look);
      const { id, state } = job;
      const isRunning = state === "RUNNING";
      this.note(
        `${id} is said to be RUNNING without a driver that works`,
        isRunning && !look.working.has(job.application),
        look.at,
      );
      this.note(
        `${id} is said to be RUNNING and commits nothing of what there is to read`,
        isRunning && isDead(trail, look.at),
        look.at,
      );
      for (const idle of IDLE_STATES) {
        this.note(`${id} is said to be ${idle} and writes`, state === idle && isAtWork(trail, look.at), look.at);
      }
    }
  }

  private follow({ id, state }: Said, { at, written, readable }: Look): Trail {
    const before = this.trails.get(id);
    const now = { state, written: written[id] ?? "", readable: readable[id] ?? "" };
    const trail = {
      ...now,
      stateAt: before?.state === now.state ? before.stateAt : at,
      writtenAt: before === undefined ? -1 : before.written === now.written ? before.writtenAt : at,
      readableAt: before === undefined ? -1 : before.readable === now.readable ? before.readableAt : at,
    };
    this.trails.set(id, trail);
    return trail;
  }

  private note(what: string, isSo: boolean, at: number): void {
    if (!isSo) {
      this.since.delete(what);
      return;
    }
    const since = this.since.get(what) ?? at;
    this.since.set(what, since);
    if (at - since > this.longest.seconds) this.longest = { seconds: at - since, what };
  }
}

/** It has committed lately, and not before it was said to be in its state. */
function isAtWork({ stateAt, writtenAt }: Trail, at: number): boolean {
  return writtenAt > stateAt && at - writtenAt <= AT_WORK_S;
}

/** There is something to read since its last commit, and it has long been said to run. */
function isDead({ stateAt, writtenAt, readableAt }: Trail, at: number): boolean {
  return readableAt > writtenAt && at - Math.max(stateAt, writtenAt) > SILENT_S;
}
