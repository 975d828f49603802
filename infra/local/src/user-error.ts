/** A mistake or circumstance that the user can act on: its message is shown as it is, without a stack trace. */
export class UserError extends Error {
  override name = "UserError";
}
