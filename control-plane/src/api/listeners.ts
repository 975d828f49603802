import { createServer } from "node:http";
import type { FastifyInstance } from "fastify";

const EVERY_ADDRESS = ["0.0.0.0", "::"];

/**
 * Listens where people call and where runners call, which may be one and the same.
 * @param address where people call; all of the machine's with `0.0.0.0` or `::`
 * @param loopback where runners and the launcher call
 */
export async function listen(
  app: FastifyInstance,
  { address, loopback, port }: { address: string; loopback: string; port: number },
): Promise<void> {
  if (address !== loopback && !EVERY_ADDRESS.includes(address)) await listenAlso(app, loopback, port);
  await app.listen({ host: address, port });
}

/** Fastify listens on one address only; this server hands its requests over. */
async function listenAlso(app: FastifyInstance, host: string, port: number): Promise<void> {
  const { keepAliveTimeout, requestTimeout } = app.server;
  const server = createServer({ keepAliveTimeout, requestTimeout }, (request, response) =>
    app.routing(request, response),
  );
  app.addHook("onClose", async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  });
  await app.ready();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port }, resolve);
  });
}
