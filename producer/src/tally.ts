import { KINDS, type Kind, type Produced } from "./traffic/record.ts";

/** Counts what was sent. */
export class Tally {
  sent = 0;
  private readonly kinds = new Map<Kind, number>();
  private readonly variants = new Map<Kind, Map<string, number>>();

  add({ kind, variant }: Produced): void {
    this.sent += 1;
    this.kinds.set(kind, (this.kinds.get(kind) ?? 0) + 1);
    if (variant === undefined) return;
    const variants = this.variants.get(kind) ?? new Map<string, number>();
    variants.set(variant, (variants.get(variant) ?? 0) + 1);
    this.variants.set(kind, variants);
  }

  /** @param ms how long sending took */
  progress(ms: number): string {
    return `${grouped(this.sent)} events sent, ${grouped(this.perSecond(ms))}/s`;
  }

  /** @param ms how long sending took */
  summary(ms: number): string {
    const rows = KINDS.filter((kind) => this.kinds.has(kind)).map((kind) => {
      const variants = [...(this.variants.get(kind) ?? [])].sort(([a], [b]) => (a < b ? -1 : 1));
      const detail = variants.map(([variant, count]) => `${variant} ${grouped(count)}`).join(", ");
      return `  ${kind.padEnd(12)} ${grouped(this.kinds.get(kind) ?? 0).padStart(11)}  ${detail}`.trimEnd();
    });
    const total = `Sent ${grouped(this.sent)} events in ${(ms / 1000).toFixed(1)} s: ${grouped(this.perSecond(ms))} events/s`;
    return [total, ...rows].join("\n");
  }

  private perSecond(ms: number): number {
    return ms > 0 ? Math.round((this.sent * 1000) / ms) : 0;
  }
}

function grouped(count: number): string {
  return count.toLocaleString("en-US");
}
