import { type Webhook, WebhookRefusal } from "../services/alert-delivery.ts";

/** Slack's own reasons look like this; any other body might repeat the address, which is a secret. */
const REASON = /^[a-z_]{1,60}$/;

/** A webhook that takes Slack's messages. @param url a secret */
export function createWebhook(url: string, timeoutMs = 5_000): Webhook {
  return {
    async send(message, signal) {
      const { status, body } = await post(url, message, AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]));
      if (status >= 200 && status < 300) return;
      const reason = REASON.test(body.trim()) ? ` (${body.trim()})` : "";
      // Too slow and too many are no fault of this message.
      const ofThisMessage = status >= 400 && status < 500 && status !== 408 && status !== 429;
      throw new WebhookRefusal(`it answered ${status}${reason}`, ofThisMessage);
    },
  };
}

async function post(url: string, message: object, signal: AbortSignal): Promise<{ status: number; body: string }> {
  try {
    const response = await fetch(url, {
      method: "POST",
      headers: { "content-type": "application/json; charset=utf-8" },
      body: JSON.stringify(message),
      // Another place is not where the operator wanted the messages.
      redirect: "manual",
      signal,
    });
    return { status: response.status, body: await response.text() };
  } catch (error) {
    throw new WebhookRefusal(reasonOf(error), false);
  }
}

/** Only codes: a message of fetch may quote the address. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return "it cannot be reached";
  if (error.name === "TimeoutError") return "it did not answer in time";
  const { cause } = error;
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : error.name;
  return `it cannot be reached (${code})`;
}
