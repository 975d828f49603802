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

/** Whether somebody with one role may do what needs another. */
export function permits(present: Role, needed: Role): boolean {
  return ROLES.indexOf(present) >= ROLES.indexOf(needed);
}
