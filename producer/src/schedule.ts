/** When events are due, and which time each of them has. */
export class Schedule {
  private readonly rate: number;
  private readonly startedAt: number;
  private readonly start: number | undefined;
  private readonly pace: number;
  /** Events of one second when there is no rate to say so: about what one producer reaches. */
  private static readonly FULL_SPEED = 50_000;

  /**
   * @param rate events per second, 0 for as fast as possible
   * @param start time of the first event in milliseconds since 1970; undefined lets event times follow the clock
   * @param now milliseconds since 1970
   * @param pace events in one second of the time that begins at `start`; the rate when left out
   */
  constructor(rate: number, start: number | undefined, now: number, pace?: number) {
    this.rate = rate;
    this.pace = pace ?? (rate || Schedule.FULL_SPEED);
    this.start = start;
    this.startedAt = now;
  }

  /** How many events should have been sent by now. */
  dueBy(now: number): number {
    return this.rate === 0 ? Number.POSITIVE_INFINITY : Math.floor(((now - this.startedAt) / 1000) * this.rate) + 1;
  }

  /** Milliseconds until one more event than `sent` is due. */
  waitFor(sent: number, now: number): number {
    return this.rate === 0 ? 0 : Math.max(0, Math.ceil(this.startedAt + (sent * 1000) / this.rate - now));
  }

  /** The time of event `index` (from 0), in milliseconds since 1970. */
  timeOf(index: number, now: number): number {
    if (this.start === undefined) return now;
    return this.start + Math.floor((index * 1000) / this.pace);
  }
}
