import {
  type AssignedOverride,
  type OverrideState,
  placeText,
  type RecordPlace,
  type ReplacedFields,
} from "../domain/override.ts";
import { invalidRequest, Problem } from "../domain/problem.ts";
import { readCursor, writeCursor } from "./cursor.ts";
import type { AuditEntry } from "./rows.ts";
import type { SilverRecord, SilverRecords } from "./silver-records.ts";

export interface OverrideRow extends RecordPlace {
  number: number;
  reason: string;
  fields: ReplacedFields;
  /** what the record had been refused as */
  outcome: string;
  createdBy: string;
  createdAt: Date;
  state: OverrideState;
  settledAt: Date | null;
  reasons: string[];
  eventId: string | null;
  duplicateOf: string | null;
  version: number | null;
  batch: number | null;
}

export interface NewOverride extends RecordPlace {
  pipeline: string;
  reason: string;
  fields: ReplacedFields;
  outcome: string;
  createdBy: string;
}

export interface OverrideStore {
  /** Saves it with its audit entry and its event. @returns null when the record has one that was not refused */
  insert(override: NewOverride, audit: (number: number) => AuditEntry): Promise<OverrideRow | null>;
  find(number: number): Promise<OverrideRow | null>;
  /** the one of a record that was not refused */
  of(place: RecordPlace): Promise<OverrideRow | null>;
  /** the newest one of each of these records, whatever became of it */
  newestOf(places: RecordPlace[]): Promise<OverrideRow[]>;
  /** Numbers of those that a replay applies: all that were not refused. */
  standing(pipeline: string): Promise<number[]>;
  /** newest first */
  list(state: OverrideState | null, limit: number, before: number | null): Promise<OverrideRow[]>;
}

/** What the reconciler puts into the assignment of a job that writes silver. */
export interface OverridesToApply {
  /**
   * @param table what the job writes
   * @returns those that are pending, those applied whose record this generation of the table has not read yet or of which it has not told, and whether any was ever applied
   */
  toApply(
    pipeline: string,
    job: string,
    generation: number,
    table: string,
  ): Promise<{ overrides: AssignedOverride[]; anyApplied: boolean }>;
}

/** What somebody asks for. */
export interface OverrideRequest extends RecordPlace {
  reason: string;
  set: ReplacedFields;
}

interface OverrideParts {
  store: OverrideStore;
  records: SilverRecords;
  pipeline: string;
  /** the topic whose records silver has */
  topic: string;
  /** told when there is one more to apply */
  onChange: () => void;
}

/** Refused records that people let in after all: a numbered decision, which the jobs apply once and in every replay. */
export class Overrides {
  private readonly parts: OverrideParts;

  constructor(parts: OverrideParts) {
    this.parts = parts;
  }

  /**
   * Lets a refused record in; the job that writes silver applies it soon.
   * @throws Problem `invalid_request` for another topic; `unknown_record` where silver has no such record;
   *   `conflict` where it was not refused, is decided already, or is a copy of an accepted one
   */
  async create(request: OverrideRequest, asked: { by: string; requestId: string }): Promise<OverrideRow> {
    const { store, records, pipeline, topic, onChange } = this.parts;
    if (request.topic !== topic) {
      throw invalidRequest([{ field: "body.topic", value: request.topic, expected: `the pipeline's topic ${topic}` }]);
    }
    const decided = await store.of(request);
    if (decided !== null) throw alreadyDecided(decided);
    const rows = await records.at(request);
    const refused = await this.#refused(request, rows);
    const override = await store.insert(
      {
        pipeline,
        topic,
        partition: request.partition,
        offset: request.offset,
        reason: request.reason,
        fields: request.set,
        outcome: refused.outcome,
        createdBy: asked.by,
      },
      (number) => ({
        actor: asked.by,
        action: "override.create",
        target: placeText(request),
        requestId: asked.requestId,
        before: { outcome: refused.outcome, reasons: refused.reasons, eventId: refused.eventId },
        after: { number, reason: request.reason, set: request.set },
      }),
    );
    if (override === null) throw alreadyDecided(await store.of(request));
    onChange();
    return override;
  }

  /** @throws Problem `unknown_override` */
  async get(number: number): Promise<OverrideRow> {
    const found = await this.parts.store.find(number);
    if (found !== null) return found;
    throw new Problem({
      status: 404,
      code: "unknown_override",
      title: "No such override",
      detail: `There is no override ${number}.`,
      next: "GET /v1/overrides lists them.",
    });
  }

  /** A page of them, newest first. @throws Problem `invalid_request` */
  async list(request: {
    state?: OverrideState | undefined;
    limit: number;
    cursor?: string | undefined;
  }): Promise<{ items: OverrideRow[]; nextCursor: string | null }> {
    const before = readCursor("overrides", ["bigint"], request.cursor)?.[0];
    const { limit, state = null } = request;
    const rows = await this.parts.store.list(state, limit + 1, before === undefined ? null : Number(before));
    const items = rows.slice(0, limit);
    const last = rows.length > limit ? items.at(-1) : undefined;
    return { items, nextCursor: last === undefined ? null : writeCursor("overrides", [last.number]) };
  }

  /** The refused row that can be let in. What is told here early, the job finds out once more when it applies it. */
  async #refused(request: OverrideRequest, rows: SilverRecord[]): Promise<SilverRecord> {
    const place = placeText(request);
    const [first] = rows;
    if (first === undefined) {
      throw new Problem({
        status: 404,
        code: "unknown_record",
        title: "Silver has no such record",
        detail: `Silver has no row of ${place}: there is no such record, or it was not read yet.`,
        next: "GET /v1/jobs/{job}/offsets of the job that writes silver says how far it has read.",
      });
    }
    if (rows.some(({ outcome }) => outcome === "accepted")) {
      throw conflict(
        "The record was not refused",
        `The record ${place} was accepted: there is nothing to let in.`,
        "GET /v1/audit/outcomes counts what was refused and why.",
      );
    }
    const eventId = "event_id" in request.set ? String(request.set.event_id).trim() : first.eventId;
    const copy = eventId === null || eventId === "" ? null : await this.parts.records.accepted(eventId);
    if (copy !== null) {
      throw conflict(
        "The event was accepted already",
        `The event ${eventId} was accepted from ${placeText(copy)}; ${place} is a duplicate of it.`,
        "An event counts once. Where it is another event, give it an id of its own: `set.event_id`.",
      );
    }
    return first;
  }
}

function alreadyDecided(decided: OverrideRow | null): Problem {
  const detail =
    decided === null
      ? "Somebody let this record in at the same moment."
      : `Override ${decided.number} of this record is ${decided.state}.`;
  const next = decided === null ? "GET /v1/overrides lists them." : `GET /v1/overrides/${decided.number} says more.`;
  return conflict("The record is decided already", detail, next);
}

function conflict(title: string, detail: string, next: string): Problem {
  return new Problem({ status: 409, code: "conflict", title, detail, next });
}
