import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { type Caller, FIRST_ADMIN, METRICS_READER, RESERVED_NAMES, type Role } from "../domain/access.ts";
import { invalidRequest, Problem } from "../domain/problem.ts";
import type { Clock } from "./ports.ts";
import type { AuditEntry } from "./rows.ts";

/** A token without its secret, which nobody keeps. */
export interface TokenRow {
  name: string;
  role: Role;
  createdBy: string;
  createdAt: Date;
  expiresAt: Date | null;
  /** to the minute */
  lastUsedAt: Date | null;
}

export interface NewToken {
  name: string;
  role: Role;
  createdBy: string;
  createdAt: Date;
  expiresAt: Date | null;
}

export interface TokenStore {
  /** Saves a token and the audit entry in one transaction. @returns false when there is one of this name */
  insert(token: NewToken, secretHash: Buffer, audit: AuditEntry): Promise<boolean>;
  /** by name */
  list(): Promise<TokenRow[]>;
  find(secretHash: Buffer): Promise<TokenRow | null>;
  used(name: string, at: Date): Promise<void>;
  /** Removes a token and saves the audit entry in one transaction. @returns false when there is none */
  remove(name: string, audit: (removed: TokenRow) => AuditEntry): Promise<boolean>;
}

/** Who makes or revokes a token. */
export interface TokenAsked {
  by: string;
  requestId: string;
}

/** What a secret proves, or why it proves nothing. */
export type Identified = { caller: Caller } | { refused: string };

const SECRET_PREFIX = "pst_";
const SECRET_BYTES = 32;
const USED_EVERY_MS = 60_000;

/** Access tokens: made, listed, revoked, and recognised. */
export class Tokens {
  private readonly store: TokenStore;
  private readonly clock: Clock;
  /** those that lie in files, and not in the database */
  private readonly given: readonly { caller: Caller; hash: Buffer }[];

  /**
   * @param adminToken secret of the first admin, null where there is none
   * @param metricsToken secret of whoever collects figures, null where there is none
   */
  constructor(deps: { store: TokenStore; clock: Clock; adminToken: string | null; metricsToken: string | null }) {
    this.store = deps.store;
    this.clock = deps.clock;
    const given = [
      { caller: FIRST_ADMIN, secret: deps.adminToken },
      { caller: METRICS_READER, secret: deps.metricsToken },
    ];
    this.given = given.flatMap(({ caller, secret }) => (secret === null ? [] : [{ caller, hash: hash(secret) }]));
  }

  /**
   * Makes a token. Its secret is in this answer and nowhere else.
   * @throws Problem `invalid_request` for a reserved name; `conflict` when the name is taken
   */
  async create(
    wish: { name: string; role: Role; expiresInMs: number | null },
    asked: TokenAsked,
  ): Promise<TokenRow & { secret: string }> {
    const { name, role, expiresInMs } = wish;
    if (RESERVED_NAMES.includes(name)) {
      const expected = `another name than ${RESERVED_NAMES.join(", ")}, which stand for others in the audit log`;
      throw invalidRequest([{ field: "body.name", value: name, expected }]);
    }
    const createdAt = this.clock.now();
    const expiresAt = expiresInMs === null ? null : new Date(createdAt.getTime() + expiresInMs);
    const secret = `${SECRET_PREFIX}${randomBytes(SECRET_BYTES).toString("base64url")}`;
    const token: NewToken = { name, role, createdBy: asked.by, createdAt, expiresAt };
    const audit = entry("token.create", name, asked, null, { role, expiresAt });
    if (await this.store.insert(token, hash(secret), audit)) return { ...token, lastUsedAt: null, secret };
    throw new Problem({
      status: 409,
      code: "conflict",
      title: "There is a token of this name",
      detail: `A token ${name} exists already.`,
      next: `Choose another name, or revoke it first: DELETE /v1/tokens/${name}.`,
    });
  }

  list(): Promise<TokenRow[]> {
    return this.store.list();
  }

  /** From now on its secret is refused. @throws Problem `unknown_token` */
  async revoke(name: string, asked: TokenAsked): Promise<void> {
    const removed = await this.store.remove(name, ({ role, expiresAt, createdBy }) =>
      entry("token.revoke", name, asked, { role, expiresAt, createdBy }, null),
    );
    if (removed) return;
    const isFirst = name === FIRST_ADMIN.name;
    throw new Problem({
      status: 404,
      code: "unknown_token",
      title: "No such token",
      detail: isFirst ? "The first admin's token lies in a file and cannot be revoked." : `There is no token ${name}.`,
      next: isFirst
        ? "Replace the content of the file that PENSTOCK_ADMIN_TOKEN_FILE names, and restart the control plane."
        : "GET /v1/tokens lists them.",
    });
  }

  /** Finds out whose secret this is. */
  async identify(secret: string): Promise<Identified> {
    const sent = hash(secret);
    const inFile = this.given.find((token) => timingSafeEqual(sent, token.hash));
    if (inFile !== undefined) return { caller: inFile.caller };
    const token = await this.store.find(sent);
    if (token === null) return { refused: "This token is not known here, or was revoked." };
    const now = this.clock.now();
    if (token.expiresAt !== null && token.expiresAt <= now) {
      return { refused: `The token ${token.name} expired at ${token.expiresAt.toISOString()}.` };
    }
    if (token.lastUsedAt === null || now.getTime() - token.lastUsedAt.getTime() >= USED_EVERY_MS) {
      await this.store.used(token.name, now);
    }
    return { caller: { name: token.name, role: token.role } };
  }
}

/**
 * A fast hash is right here: a slow one protects secrets that can be guessed, and nobody guesses 256 random bits.
 * It also lets the database find a token by its hash, where a salted one would have to try them all.
 */
function hash(secret: string): Buffer {
  return createHash("sha256").update(secret).digest();
}

function entry(action: string, target: string, asked: TokenAsked, before: unknown, after: unknown): AuditEntry {
  return { actor: asked.by, action, target, requestId: asked.requestId, before, after };
}
