import type { Manifest } from "./manifest.ts";
import { DEDICATED } from "./specs/job-spec.ts";
import type { StrictReader } from "./strict-reader.ts";

const PUBLICATION_NAME = /^[a-z][A-Za-z0-9]*$/;
const TABLE_NAME = /^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+$/;

/** The jobs that a job's tables come from, directly. */
function upstreamOf(manifest: Manifest, job: string): string[] {
  const reads = manifest.jobs[job]?.reads ?? [];
  return Object.keys(manifest.jobs).filter((id) => manifest.jobs[id]?.writes.some((table) => reads.includes(table)));
}

/** Checks what only the manifest as a whole can tell: every name that is used is declared, once, and nothing reads itself. */
export function checkReferences(manifest: Manifest, root: StrictReader): void {
  const writer = new Map<string, string>();
  const jobs = Object.entries(manifest.jobs);
  if (manifest.applications[DEDICATED] !== undefined) {
    root.complain(
      `applications.${DEDICATED}`,
      undefined,
      "another name: this one gives a job an application of its own",
    );
  }
  if (jobs.length === 0) root.complain("jobs", undefined, "at least one job");
  for (const [id, job] of jobs) {
    if (!new RegExp(`^${manifest.name}\\.[a-z][a-z0-9_-]*$`).test(id)) {
      root.complain(`jobs.${id}`, undefined, `an id of the form ${manifest.name}.<name>`);
    }
    if (job.application !== DEDICATED && manifest.applications[job.application] === undefined) {
      const known = Object.keys(manifest.applications).join(", ");
      root.complain(
        `jobs.${id}.application`,
        job.application,
        `${DEDICATED} or one of the declared applications: ${known}`,
      );
    }
    if (job.writes.length === 0) root.complain(`jobs.${id}.writes`, [], "at least one table");
    for (const table of job.writes) {
      if (!TABLE_NAME.test(table))
        root.complain(`jobs.${id}.writes`, table, "a table name such as silver.sales_events");
      const other = writer.get(table);
      if (other !== undefined) root.complain(`jobs.${id}.writes`, table, `a table that ${other} does not write, too`);
      writer.set(table, id);
    }
  }
  for (const [id, job] of jobs) {
    for (const table of job.reads) {
      if (!writer.has(table)) root.complain(`jobs.${id}.reads`, table, "a table that some job writes");
    }
    if (readsItself(manifest, id)) root.complain(`jobs.${id}.reads`, job.reads, "no table that comes from this job");
  }
  checkPublications(manifest, root, new Set(writer.keys()));
}

function checkPublications(manifest: Manifest, root: StrictReader, tables: ReadonlySet<string>): void {
  const taken = new Map<string, string>();
  for (const [name, { table, topic }] of Object.entries(manifest.publications)) {
    const path = `publications.${name}`;
    if (!PUBLICATION_NAME.test(name))
      root.complain(path, undefined, "a name of letters and digits, such as deadLetters");
    if (!tables.has(table)) root.complain(`${path}.table`, table, "a table that some job writes");
    if (topic === "events" || manifest.topics[topic] === undefined) {
      const known = Object.keys(manifest.topics).filter((key) => key !== "events");
      root.complain(`${path}.topic`, topic, `one of the declared topics but events: ${known.join(", ")}`);
    }
    const other = taken.get(topic);
    if (other !== undefined) root.complain(`${path}.topic`, topic, `a topic that ${other} does not publish to, too`);
    taken.set(topic, name);
  }
}

function readsItself(manifest: Manifest, job: string): boolean {
  const seen = new Set<string>();
  const open = upstreamOf(manifest, job);
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    if (id === job) return true;
    if (!seen.has(id)) open.push(...upstreamOf(manifest, id));
    seen.add(id);
  }
  return false;
}
