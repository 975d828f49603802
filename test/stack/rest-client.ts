/** An answer that is not a success, with the problem's own words. */
export class RestError extends Error {
  readonly status: number;
  /** the body, parsed when it is JSON */
  readonly body: unknown;

  constructor(request: string, status: number, body: unknown) {
    super(`${request} answered ${status}: ${typeof body === "string" ? body.slice(0, 500) : JSON.stringify(body)}`);
    this.name = "RestError";
    this.status = status;
    this.body = body;
  }
}

type Query = Record<string, string | number | readonly string[] | undefined>;

/** A page of a list. */
interface Page<T> {
  items: T[];
  nextCursor: string | null;
}

const ANSWER_WITHIN_MS = 60_000;

/** A client of the control plane's REST API that throws {@link RestError} for everything but success. */
export class RestClient {
  private readonly base: string;
  private readonly token: string | undefined;

  /**
   * @param base such as http://127.0.0.1:8080
   * @param token of a stack that needs one
   */
  constructor(base: string, token?: string) {
    this.base = base;
    this.token = token;
  }

  async get<T>(path: string, query: Query = {}): Promise<T> {
    return this.call<T>("GET", path, query);
  }

  /** @param body sent as JSON; without one the request has neither body nor content type */
  async post<T>(path: string, query: Query = {}, body?: unknown, headers: Record<string, string> = {}): Promise<T> {
    return this.call<T>("POST", path, query, body, headers);
  }

  /** Replaces a resource. */
  async put<T>(path: string, query: Query, body: unknown, headers: Record<string, string>): Promise<T> {
    return this.call<T>("PUT", path, query, body, headers);
  }

  /** All items of a paged list. */
  async all<T>(path: string, query: Query = {}): Promise<T[]> {
    const items: T[] = [];
    let cursor: string | undefined;
    do {
      const page = await this.get<Page<T>>(path, { ...query, cursor });
      items.push(...page.items);
      cursor = page.nextCursor ?? undefined;
    } while (cursor !== undefined);
    return items;
  }

  private async call<T>(
    method: string,
    path: string,
    query: Query,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<T> {
    const url = new URL(path, this.base);
    for (const [name, value] of Object.entries(query)) {
      for (const one of [value].flat()) if (one !== undefined) url.searchParams.append(name, String(one));
    }
    const response = await fetch(url, {
      method,
      signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      headers: {
        ...(this.token === undefined ? {} : { authorization: `Bearer ${this.token}` }),
        ...headers,
        ...(body === undefined ? {} : { "content-type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    const isJson = /json/.test(response.headers.get("content-type") ?? "");
    const content: unknown = isJson && text !== "" ? JSON.parse(text) : text;
    if (!response.ok) throw new RestError(`${method} ${url.pathname}${url.search}`, response.status, content);
    return content as T;
  }
}
