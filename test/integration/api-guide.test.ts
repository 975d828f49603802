import { Ajv2020 } from "ajv/dist/2020.js";
import formats from "ajv-formats";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Answer, hasCurl, readCurl, runByFetch, runInShell } from "../guide/curl.ts";
import { type Example, missingFields, readGuide } from "../guide/guide.ts";
import { callOf, type OpenApiPaths } from "../guide/routes.ts";
import { waitFor } from "../stack/wait-for.ts";
import { allConsumed, allRunning, produce, send, sharedStack } from "./shared-stack.ts";

const stack = sharedStack();
const { examples } = readGuide();
const ajv = formats.default(new Ajv2020({ strict: false, allErrors: true }));

let paths: OpenApiPaths;
/** What the guide's commands take from earlier answers, by the names that it gives them. */
let variables: Record<string, string>;
let isCurlThere: boolean;

beforeAll(async () => {
  isCurlThere = await hasCurl();
  await allRunning(stack);
  await produce(stack, { seed: 71, events: 500 });
  await allConsumed(stack);
  const document = await stack.rest.get<{ paths: OpenApiPaths }>("/docs/json");
  paths = document.paths;
  ajv.addSchema(document, "openapi.json");
  // No events: whatever people decide, they stay refused, and no figure changes.
  const [rubbish, other] = await send(stack, [Buffer.from("no event"), Buffer.from("none either")]);
  await allConsumed(stack);
  const [reason, set] = ["to be shown in the guide", { region: "EU" }];
  const override = await stack.rest.post<{ number: number }>("/v1/overrides", {}, { ...other, reason, set });
  const restarted = await stack.rest.post<{ id: string }>("/v1/jobs/sales.gold/restart", { wait: "60s" });
  const job = await stack.rest.get<{ epoch: number; specRevision: number }>("/v1/jobs/sales.gold");
  const { items, snapshot } = await stack.rest.get<{
    items: { window_start: string }[];
    snapshot: { asOf: string; generation: number };
  }>("/v1/revenue/windows", { plan_tier: "pro", region: "EU", currency: "EUR", limit: 1 });
  const refused = await stack.rest.get<{ items: { partition: number; offset: string }[] }>("/v1/quarantine", {
    outcome: "duplicate",
    limit: 1,
  });
  const reconciled = async () => {
    const { lines } = await stack.rest.get<{ lines: { at: { through: object } }[] }>("/v1/audit/reconciliation", {
      recount: "true",
    });
    return Object.keys(lines[0]?.at.through ?? {}).length > 0 || { pending: lines };
  };
  await waitFor(reconciled, { timeout: 60_000, what: "the ledger to be read" });
  variables = {
    PENSTOCK: stack.url,
    OPERATION: restarted.id,
    EPOCH: String(job.epoch - 1),
    ETAG: `"${job.specRevision}"`,
    AS_OF: snapshot.asOf,
    PARTITION: String(refused.items[0]?.partition),
    OFFSET: String(refused.items[0]?.offset),
    REFUSED_PARTITION: String(rubbish?.partition),
    REFUSED_OFFSET: String(rubbish?.offset),
    OVERRIDE: String(override.number),
    GENERATION: String(snapshot.generation),
    REPLAY: await comparedReplay(),
    WINDOW_START: items[0]?.window_start ?? expect.fail("There is no window yet."),
  };
});

/** A replay of the job on which nothing depends, up to where people decide. */
async function comparedReplay(): Promise<string> {
  const { id } = await stack.rest.post<{ id: string }>("/v1/jobs/sales.dq/replay");
  const look = async () => {
    const replay = await stack.rest.get<{ state: string; reason: string | null }>(`/v1/replays/${id}`);
    return replay.state === "diffed" || { pending: replay };
  };
  await waitFor(look, { timeout: 120_000, what: "both generations to be compared" });
  return id;
}

afterAll(async () => {
  const ended = async () => {
    const replay = await stack.rest.get<{ state: string }>(`/v1/replays/${variables.REPLAY}`);
    return replay.state === "cancelled" || { pending: replay };
  };
  await waitFor(ended, { timeout: 120_000, what: "the guide's replay to be given up" });
  const look = async () => {
    const { items } = await stack.rest.get<{ items: unknown[] }>("/v1/operations", { state: "running" });
    return items.length === 0 || { pending: items };
  };
  await waitFor(look, { timeout: 120_000, what: "the guide's operations to end" });
  await allRunning(stack);
});

/** Expects an answer to be what the guide and the OpenAPI document say. */
function expectAsDocumented(example: Example, request: { method: string; url: string }, answer: Answer): void {
  expect(answer.status, answer.body).toBe(example.status);
  expect([...answer.headers.keys()]).toEqual(expect.arrayContaining(Object.keys(example.headers)));
  const [type = ""] = (answer.headers.get("content-type") ?? "").split(";");
  expect(type).toBe(
    example.headers["content-type"]?.split(";")[0] ?? (answer.status === 204 ? "" : "application/json"),
  );
  if (!/json$/.test(type) || type === "application/x-ndjson") return;
  const body: unknown = JSON.parse(answer.body);
  expect(missingFields(example.body, body)).toEqual([]);
  const call = callOf(paths, request.method, request.url);
  const status = answer.status < 400 || call?.responses.includes(String(answer.status)) ? answer.status : "4XX";
  const pointer = ["paths", call?.path, call?.method, "responses", status, "content", type, "schema"];
  const escaped = pointer.map((part) => String(part).replaceAll("~", "~0").replaceAll("/", "~1"));
  const validate = ajv.compile({ $ref: `openapi.json#/${escaped.map(encodeURIComponent).join("/")}` });
  validate(body);
  expect(validate.errors ?? []).toEqual([]);
}

describe("docs/api.md", () => {
  it.each(examples.map((example): [string, Example] => [`line ${example.line}: ${example.command}`, example]))(
    "shows what really comes: %s",
    async (_, example) => {
      const environment = { ...process.env, ...variables };
      const request = readCurl(example.command, (name) => variables[name] ?? expect.fail(`Who sets ${name}?`));
      const run = isCurlThere ? runInShell : runByFetch;
      const asked = run(example.command, environment);
      // Without curl the test makes the requests itself: that way has to stay right where curl is there. Streams take
      // their time, so both at once; of the others some may not be asked for twice at once.
      if (request.maxTime === undefined) await asked;
      const ways = request.method === "GET" ? [asked, runByFetch(example.command, environment)] : [asked];
      for (const answer of await Promise.all(ways)) expectAsDocumented(example, request, answer);
    },
  );
});
