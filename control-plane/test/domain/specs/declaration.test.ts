import { describe, expect, it } from "vitest";
import { mergeDeclaration } from "../../../src/domain/specs/declaration.ts";

const declared = { kind: "gold", trigger: 0, limits: { files: 64 } };

describe("a manifest that is read again", () => {
  it("leaves alone what was changed over the API, while it says the same as before", () => {
    const spec = { ...declared, trigger: 5 };
    expect(mergeDeclaration({ spec, declared }, { ...declared }, [])).toEqual({
      spec,
      declared,
      changed: [],
      ignored: [],
    });
  });

  it("wins for the fields that it changed since, and only for those", () => {
    const spec = { ...declared, trigger: 5, limits: { files: 8 } };
    const manifest = { ...declared, limits: { files: 16 } };
    expect(mergeDeclaration({ spec, declared }, manifest, [])).toEqual({
      spec: { ...declared, trigger: 5, limits: { files: 16 } },
      declared: manifest,
      changed: ["limits"],
      ignored: [],
    });
  });

  it("changes nothing where the API has said the same before", () => {
    const manifest = { ...declared, trigger: 5 };
    const merged = mergeDeclaration({ spec: manifest, declared }, manifest, []);
    expect(merged).toMatchObject({ changed: [], declared: manifest });
  });

  it("is not followed, each time anew, where that would break a checkpoint", () => {
    const manifest = { ...declared, kind: "silver", trigger: 7 };
    const merged = mergeDeclaration({ spec: declared, declared }, manifest, ["kind"]);
    expect(merged).toEqual({
      spec: { ...declared, trigger: 7 },
      declared: { ...declared, trigger: 7 },
      changed: ["trigger"],
      ignored: ["kind"],
    });
    expect(mergeDeclaration(merged, manifest, ["kind"]).ignored).toEqual(["kind"]);
  });
});
