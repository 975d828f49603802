/** How much an alert matters, the least first. */
export const SEVERITIES = ["info", "warning", "critical"] as const;
export type Severity = (typeof SEVERITIES)[number];

/** What the webhook is told about an alert. */
export type MessageKind = "fired" | "escalated" | "resolved";

/** What an alert says. */
export interface AlertText {
  severity: Severity;
  /** what is wrong, in a few words; the same from the first time to the last */
  title: string;
  /** the figures, and what to do */
  detail: string;
  /** ids of what it is about */
  subjects: string[];
}

/** A message as Slack's incoming webhooks take it. */
export interface SlackMessage {
  /** what notifications and clients without attachments show */
  text: string;
  attachments: { color: string; fallback: string; text: string; footer: string; mrkdwn_in: string[] }[];
}

const COLORS: Record<Severity, string> = { info: "#2f6fde", warning: "#e0a100", critical: "#d22d2d" };
const RESOLVED_COLOR = "#2e9e5b";
const LONGEST_TEXT = 3_000;

export function isWorse(severity: Severity, than: Severity): boolean {
  return SEVERITIES.indexOf(severity) > SEVERITIES.indexOf(than);
}

/** Writes the message for Slack. @param id by which a message that comes twice is recognised */
export function slackMessage(
  kind: MessageKind,
  id: string,
  { severity, title, detail, subjects }: AlertText,
): SlackMessage {
  const heading = kind === "resolved" ? "Resolved" : kind === "escalated" ? `Now ${severity}` : capitalised(severity);
  const text = `${heading}: ${escaped(title)}`;
  return {
    text,
    attachments: [
      {
        color: kind === "resolved" ? RESOLVED_COLOR : COLORS[severity],
        fallback: text,
        text: escaped(detail),
        footer: `Penstock alert ${id}${subjects.length === 0 ? "" : `, ${escaped(subjects.join(", "))}`}`,
        mrkdwn_in: [],
      },
    ],
  };
}

function capitalised(word: string): string {
  return word.charAt(0).toUpperCase() + word.slice(1);
}

/** Slack reads `<!channel>` and links in angle brackets: what comes from data must not call anybody. */
function escaped(text: string): string {
  const cut = text.length > LONGEST_TEXT ? `${text.slice(0, LONGEST_TEXT - 1)}…` : text;
  return cut.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
