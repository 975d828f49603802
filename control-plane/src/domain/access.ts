/** Who may do what. Each role may do what the one before it may. */
export const ROLES = ["viewer", "operator", "admin"] as const;
export type Role = (typeof ROLES)[number];

/** Whoever sent a request. */
export interface Caller {
  /** name of the token, or `local` for a request that needs none; the audit log's `actor` */
  name: string;
  role: Role;
}

/** A request without a token where none is needed: whoever can reach the loopback of this machine. */
export const LOCAL_CALLER: Caller = { name: "local", role: "admin" };

/** Who has the token of the file that `PENSTOCK_ADMIN_TOKEN_FILE` names. */
export const FIRST_ADMIN: Caller = { name: "admin", role: "admin" };

/** Who has the token of the file that `PENSTOCK_METRICS_TOKEN_FILE` names: it may read, and collects figures. */
export const METRICS_READER: Caller = { name: "metrics", role: "viewer" };

/** Stands in the audit log for changes that came with the manifest. */
export const MANIFEST_ACTOR = "manifest";

/** Names that no other token may have, so that an actor is one and the same in the whole audit log. */
export const RESERVED_NAMES: readonly string[] = [
  LOCAL_CALLER.name,
  FIRST_ADMIN.name,
  METRICS_READER.name,
  MANIFEST_ACTOR,
];

/** Whether somebody with one role may do what needs another. */
export function permits(present: Role, needed: Role): boolean {
  return ROLES.indexOf(present) >= ROLES.indexOf(needed);
}

/** `open`: requests need no token. `tokens`: all do that a route does not open. */
export type AccessMode = "open" | "tokens";

/** `PENSTOCK_ACCESS` or `PENSTOCK_LISTEN` is not usable; the message continues "PENSTOCK_… is …: ". */
export interface AccessComplaint {
  setting: "PENSTOCK_ACCESS" | "PENSTOCK_LISTEN";
  expected: string;
}

const ADDRESS = /^(\d{1,3}(\.\d{1,3}){3}|[0-9a-fA-F:]*:[0-9a-fA-F:.]*)$/;
const LOOPBACK = /^(127(\.\d{1,3}){3}|::1)$/;

/** Whether only this machine can reach an address. */
export function isLoopback(address: string): boolean {
  return LOOPBACK.test(address);
}

/**
 * Decides whether requests need tokens.
 * @param listen address the control plane listens on
 * @param wish `open`, `tokens`, or `auto`: open on loopback
 */
export function accessMode(listen: string, wish: string): AccessMode | AccessComplaint {
  if (!ADDRESS.test(listen)) {
    return { setting: "PENSTOCK_LISTEN", expected: "an IP address such as 127.0.0.1, 192.168.1.5 or 0.0.0.0 (all)" };
  }
  if (wish === "tokens" || (wish === "auto" && !isLoopback(listen))) return "tokens";
  if (wish === "auto") return "open";
  if (wish !== "open") return { setting: "PENSTOCK_ACCESS", expected: "auto, open or tokens" };
  if (isLoopback(listen)) return "open";
  return {
    setting: "PENSTOCK_ACCESS",
    expected: `auto or tokens, because PENSTOCK_LISTEN is ${listen}: without tokens everybody who can reach that address could drive the jobs`,
  };
}
