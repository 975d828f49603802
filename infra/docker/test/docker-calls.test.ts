import { describe, expect, it } from "vitest";
import { allowedCall } from "../src/docker-calls.ts";

const ID = "0123456789abcdef".repeat(4);
const PROJECT = "com.docker.compose.project=shop";

function filters(url: string): unknown {
  return JSON.parse(new URLSearchParams(allowedCall("GET", url, "shop")?.path.split("?")[1]).get("filters") ?? "null");
}

describe("a call to the Docker engine", () => {
  it.each([
    ["GET", `/containers/${ID}/json`, false],
    ["GET", `/v1.41/containers/${ID}/stats?stream=false`, false],
    ["GET", `/containers/${ID}/logs?tail=10`, false],
    ["GET", `/containers/${ID}/top?ps_args=-eo%20pid,args`, false],
    ["POST", `/v1.41/containers/${ID}/restart?t=10`, true],
    ["POST", `/containers/${ID}/kill`, true],
  ])("about one container is allowed once that is known to be of the project: %s %s", (method, url, changes) => {
    expect(allowedCall(method, url, "shop")).toEqual({ path: url, container: ID, changes });
  });

  it("for a list sees the project alone, whatever else it asks for", () => {
    expect(filters("/containers/json?all=true")).toEqual({ label: [PROJECT] });
    const asked = encodeURIComponent(
      JSON.stringify({ label: ["com.docker.compose.project=other"], status: ["exited"] }),
    );
    expect(filters(`/events?filters=${asked}`)).toEqual({
      label: ["com.docker.compose.project=other", PROJECT],
      status: ["exited"],
    });
    expect(allowedCall("GET", "/containers/json?filters=nonsense", "shop")).toBeNull();
    expect(allowedCall("GET", "/containers/json?filters=[]", "shop")).toBeNull();
  });

  it.each([
    ["POST", "/containers/create"],
    ["POST", `/containers/${ID}/exec`],
    ["POST", `/containers/${ID}/update`],
    ["DELETE", `/containers/${ID}`],
    ["GET", `/containers/${ID}/export`],
    ["GET", `/containers/${ID}/archive?path=/run`],
    ["GET", "/containers/shop-kafka-1/json"],
    ["GET", `/containers/../${ID}/json`],
    ["GET", `/containers/${ID}%2f..%2fother/json`],
    ["GET", `/containers/${ID.toUpperCase()}/json`],
    ["GET", `/containers/${ID}/top`],
    ["GET", `/containers/${ID}/top?ps_args=-o%20pid%20--user%20root`],
    ["POST", "/images/create?fromImage=x"],
    ["GET", "/images/json"],
    ["GET", "/volumes"],
    ["GET", "/secrets"],
    ["GET", "/info"],
    ["PUT", "/_ping"],
    ["HEAD", `/containers/${ID}/json`],
    ["POST", "/build"],
  ])("of any other kind is not: %s %s", (method, url) => {
    expect(allowedCall(method, url, "shop")).toBeNull();
  });
});
