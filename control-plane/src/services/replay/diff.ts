import type { DiffSummary } from "../../domain/replay/diff.ts";
import type { GenerationRow } from "../rows.ts";

/** What is to be compared. */
export interface DiffRequest {
  /** id of the replay that asks */
  replay: string;
  /** the live generation */
  left: Pick<GenerationRow, "number" | "tables">;
  /** the one that may take its place */
  right: Pick<GenerationRow, "number" | "tables">;
  /** Kafka offsets by partition: records before them are compared, and both sides must have read all of these */
  at: Readonly<Record<string, string>>;
  /** Kafka offsets by partition: records before them were never to be in `right`; left out: it was to have all */
  from?: Readonly<Record<string, string>> | undefined;
  /** ends the comparison, and with it its queries; it throws what the signal says */
  signal: AbortSignal;
}

export interface DiffEngine {
  /**
   * Compares two generations at one position and saves the result in the place of an earlier one of the same replay.
   * @throws Problem `conflict` while a side has not read up to the position; the signal's reason when it was given up
   */
  run(request: DiffRequest): Promise<DiffSummary>;
  /** null while the replay has not been compared */
  summary(replay: string): Promise<DiffSummary | null>;
}
