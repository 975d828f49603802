import { connect } from "node:net";

const ANSWER_WITHIN_MS = 2_000;

/** True when something accepts connections there. */
export async function acceptsConnections(host: string, port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect({ host, port, timeout: ANSWER_WITHIN_MS });
    const finish = (result: boolean): void => {
      socket.destroy();
      resolve(result);
    };
    socket.once("connect", () => finish(true));
    socket.once("error", () => finish(false));
    socket.once("timeout", () => finish(false));
  });
}

/** The body of a 2xx answer; null for anything else. */
export async function bodyOf(url: string): Promise<string | null> {
  try {
    const answer = await fetch(url, { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) });
    const body = await answer.text();
    return answer.ok ? body : null;
  } catch {
    return null;
  }
}
