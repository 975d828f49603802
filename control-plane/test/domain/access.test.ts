import { describe, expect, it } from "vitest";
import { permits, ROLES } from "../../src/domain/access.ts";

describe("a role", () => {
  it("may do what the roles before it may, and no more", () => {
    const matrix = ROLES.map((present) => ROLES.map((needed) => permits(present, needed)));
    expect(matrix).toEqual([
      [true, false, false],
      [true, true, false],
      [true, true, true],
    ]);
  });
});
