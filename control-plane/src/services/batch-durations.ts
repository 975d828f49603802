const KEPT = 10;

/**
 * What the last batches of each job's present run took. In memory only: a control plane that has just started knows none,
 * and is patient until it has heard of one.
 */
export class BatchDurations {
  private readonly runs = new Map<string, { epoch: number; ms: number[] }>();

  note(job: string, epoch: number, ms: number): void {
    const known = this.runs.get(job);
    // Reports of a run that has been replaced may come late.
    if (known !== undefined && known.epoch > epoch) return;
    const before = known?.epoch === epoch ? known.ms : [];
    this.runs.set(job, { epoch, ms: [...before, ms].slice(-KEPT) });
  }

  /** Oldest first; none for a run of which nothing is known. */
  of(job: string, epoch: number): readonly number[] {
    const known = this.runs.get(job);
    return known?.epoch === epoch ? known.ms : [];
  }
}
