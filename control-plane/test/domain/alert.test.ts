import { describe, expect, it } from "vitest";
import { isWorse, slackMessage } from "../../src/domain/alert.ts";

const text = {
  severity: "critical" as const,
  title: "Amounts <!channel> & more",
  detail: "12 of 400 rows > 1 %",
  subjects: ["sales.dq"],
};

describe("a message for Slack", () => {
  it("says what is wrong, how bad it is and what it is about, in Slack's fields", () => {
    expect(slackMessage("fired", "7", text)).toEqual({
      text: "Critical: Amounts &lt;!channel&gt; &amp; more",
      attachments: [
        {
          color: "#d22d2d",
          fallback: "Critical: Amounts &lt;!channel&gt; &amp; more",
          text: "12 of 400 rows &gt; 1 %",
          footer: "Penstock alert 7, sales.dq",
          mrkdwn_in: [],
        },
      ],
    });
  });

  it("tells a recovery and a change for the worse from the first one", () => {
    expect(slackMessage("resolved", "7", text).text).toMatch(/^Resolved: /);
    expect(slackMessage("resolved", "7", text).attachments[0]?.color).not.toBe("#d22d2d");
    expect(slackMessage("escalated", "7", text).text).toMatch(/^Now critical: /);
  });

  it("stays within what Slack takes", () => {
    const [attachment] = slackMessage("fired", "7", { ...text, detail: "x".repeat(10_000) }).attachments;
    expect(attachment?.text).toHaveLength(3_000);
  });
});

it("ranks severities", () => {
  expect(isWorse("critical", "warning")).toBe(true);
  expect(isWorse("warning", "warning")).toBe(false);
  expect(isWorse("info", "critical")).toBe(false);
});
