/** `paths` of an OpenAPI document. */
export type OpenApiPaths = Record<string, Record<string, { responses: Record<string, unknown> }>>;

/** A call that the OpenAPI document describes. */
export interface Call {
  /** such as `/v1/jobs/{job}` */
  path: string;
  /** such as `get` */
  method: string;
  /** statuses, such as `200` and `4XX` */
  responses: string[];
}

/** Every call of a document. */
export function callsOf(paths: OpenApiPaths): Call[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { responses }]) => ({ path, method, responses: Object.keys(responses) })),
  );
}

/** The call that a request is one of; nothing for a request to where there is nothing. */
export function callOf(paths: OpenApiPaths, method: string, url: string): Call | undefined {
  const { pathname } = new URL(url);
  return callsOf(paths).find(
    (call) =>
      call.method === method.toLowerCase() &&
      new RegExp(`^${call.path.replaceAll(".", "\\.").replaceAll(/\{\w+\}/g, "[^/]+")}$`).test(pathname),
  );
}
