import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { hasCurl, readCurl, runByFetch, runInShell } from "../../../test/guide/curl.ts";
import { readGuide } from "../../../test/guide/guide.ts";
import { callOf, callsOf, type OpenApiPaths } from "../../../test/guide/routes.ts";
import { PROBLEMS } from "../../src/domain/problem.ts";
import { readOpenApi } from "../fixtures/open-api.ts";

const { examples, problems } = readGuide();

// What the examples answer is looked at on a real stack: test/integration/api-guide.test.ts.
describe("docs/api.md", () => {
  it("has a command for every call, and for nothing else", async () => {
    const { paths } = JSON.parse(await readOpenApi()) as { paths: OpenApiPaths };
    const name = ({ method, path }: { method: string; path: string }) => `${method.toUpperCase()} ${path}`;
    const shown = examples.map(({ command }) => {
      const { method, url } = readCurl(command, (variable) => (variable === "PENSTOCK" ? "http://penstock" : "1"));
      const call = callOf(paths, method, url);
      return call === undefined ? `${method} ${url}: no such call` : name(call);
    });
    expect([...new Set(shown)].sort()).toEqual(callsOf(paths).map(name).sort());
  });

  it("lists every problem code with its status and meaning", () => {
    const inCode = Object.entries(PROBLEMS).map(([code, kind]) => ({ code, ...kind }));
    expect(problems).toEqual(inCode);
  });
});

describe("a command of docs/api.md", () => {
  let echo: Server;

  beforeAll(async () => {
    echo = createServer((request, response) => {
      let body = "";
      request.on("data", (chunk) => {
        body += String(chunk);
      });
      const { method, url, headers } = request;
      const own = Object.entries(headers).filter(([name]) => /^(content-type|if-match|idempotency-key)$/.test(name));
      request.on("end", () => response.end(JSON.stringify({ method, url, own: own.sort(), body })));
    });
    await new Promise<void>((resolve) => echo.listen(0, "127.0.0.1", resolve));
  });

  afterAll(() => echo.close());

  // Each of the many commands starts a shell and a curl of its own.
  it("is the same request without curl as with it", { timeout: 30_000 }, async ({ skip }) => {
    if (!(await hasCurl())) skip("curl is not installed");
    const environment = {
      ...process.env,
      PENSTOCK: `http://127.0.0.1:${(echo.address() as AddressInfo).port}`,
      OPERATION: "5c259ff4-f81b-458a-8d21-562e0d610c1e",
      EPOCH: "7",
      ETAG: '"3"',
      WINDOW_START: "2026-11-21T10:05:00Z",
      PARTITION: "0",
      OFFSET: "12",
      AS_OF: "2026-11-21T04:08:56.875Z",
      REFUSED_PARTITION: "1",
      REFUSED_OFFSET: "4711",
      OVERRIDE: "7",
      GENERATION: "1",
      REPLAY: "0c9e2f0a-6f0f-4f0e-9c69-0a4be2f6a111",
    };
    for (const { command } of examples) {
      const shell = await runInShell(command, environment);
      expect(await runByFetch(command, environment).then(({ body }) => JSON.parse(body))).toEqual(
        JSON.parse(shell.body),
      );
    }
  });
});
