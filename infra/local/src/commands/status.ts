import { bytesText, durationText, table } from "../figures.ts";
import { stackProcesses } from "../leftovers.ts";
import type { StackReport } from "../local-stack.ts";
import { readSettings, type Settings } from "../settings.ts";
import { runningSupervisor, stateFolder } from "../state-folder.ts";
import { askSupervisor } from "../supervisor-client.ts";
import { urlLines } from "../urls.ts";
import { type Command, readOptions } from "./command.ts";

export const status: Command = {
  name: "status",
  summary: "services, memory, time to the first revenue window",
  help: `Usage: npm run status [-- --json]

Shows each service with its pid, memory, restarts and uptime, memory in all, and the time from the start to the first
revenue window. Exits with 0 when everything runs and with 3 when it does not.

  --json   the same for programs`,
  async run(args) {
    const { values } = readOptions("status", args, { json: { type: "boolean" } });
    const settings = readSettings(process.env);
    const folder = stateFolder(settings.stateDir);
    const report = await askSupervisor(folder.socket);
    if (report === null) {
      console.log(values.json ? JSON.stringify({ supervisor: null }) : notRunning(settings));
      return 3;
    }
    console.log(values.json ? JSON.stringify(report, null, 2) : statusText(report, settings));
    return report.services.every(({ state }) => state === "running") ? 0 : 3;
  },
};

function notRunning(settings: Settings): string {
  const pid = runningSupervisor(stateFolder(settings.stateDir));
  if (pid !== null) return `Penstock is starting (pid ${pid}).`;
  const leftovers = stackProcesses(settings.stateDir);
  if (leftovers.length === 0) return "Penstock is not running.";
  return `Penstock is not running, but ${leftovers.length} processes of an earlier run are left: "npm run down" ends them, and so does a start.`;
}

function statusText(report: StackReport, settings: Settings): string {
  const rows = [
    ["service", "state", "pid", "memory", "restarts", "uptime", ""],
    ...report.services.map((service) => [
      service.name,
      service.state,
      service.pid === null ? "-" : String(service.pid),
      service.memoryBytes > 0 ? bytesText(service.memoryBytes) : "-",
      String(service.restarts),
      service.startedAt && service.pid !== null
        ? durationText((Date.now() - Date.parse(service.startedAt)) / 1000)
        : "-",
      service.lastEnd ? `last end: ${service.lastEnd}` : "",
    ]),
    ["Spark driver and executors", "", "", bytesText(report.memory.sparkApplications), "", "", ""],
    [
      "supervisor",
      report.supervisor.state,
      String(report.supervisor.pid),
      bytesText(report.memory.supervisor),
      "",
      durationText((Date.now() - Date.parse(report.supervisor.startedAt)) / 1000),
      "",
    ],
  ];
  const first = report.firstRevenueWindowSeconds;
  return [
    ...table(rows, new Set([2, 3, 4])),
    "",
    `Memory in all: ${bytesText(report.memory.total)} resident`,
    `First revenue window: ${first === null ? "not yet" : `${first.toFixed(1)} s after the start`}`,
    ...(report.disk.warn
      ? [
          `Warning: ${bytesText(report.disk.freeBytes)} are free on the disk of ${settings.stateDir}, less than PENSTOCK_DISK_WARN=${settings.diskWarn.text}`,
        ]
      : []),
    "",
    ...urlLines(settings),
  ].join("\n");
}
