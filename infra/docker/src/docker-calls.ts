/** What the control plane may ask of the Docker engine. */

/** Compose writes the name of the project on each of its containers. */
export const PROJECT_LABEL = "com.docker.compose.project";
/** The only columns that may be asked for of the processes in a container: the engine hands this to a program of the host. */
export const PROCESS_COLUMNS = "-eo pid,args";

/** A call that may be made. */
export interface AllowedCall {
  /** path and query to send on */
  path: string;
  /** id of a container that has to belong to the project; null where the call sees only such ones */
  container: string | null;
  /** it changes something */
  changes: boolean;
}

const VERSION = "(?<version>/v\\d+\\.\\d+)?";
const PLAIN = new RegExp(`^${VERSION}/(_ping|version)$`);
const LISTS = new RegExp(`^${VERSION}/(?<what>containers/json|events)$`);
// Ids only: a name, whatever it looks like, is none.
const READS = new RegExp(`^${VERSION}/containers/(?<id>[0-9a-f]{64})/(?<what>json|stats|logs|top)$`);
const CHANGES = new RegExp(`^${VERSION}/containers/(?<id>[0-9a-f]{64})/(start|stop|restart|kill)$`);

/**
 * Finds out whether a call may be made, and narrows it to one project.
 * @returns null for one that may not
 */
export function allowedCall(method: string, url: string, project: string): AllowedCall | null {
  const [path = "", query = ""] = url.split("?", 2);
  if (method === "GET" && PLAIN.test(path)) return { path, container: null, changes: false };
  if (method === "GET" && LISTS.test(path)) {
    const narrowed = narrow(new URLSearchParams(query), project);
    return narrowed === null ? null : { path: `${path}?${narrowed}`, container: null, changes: false };
  }
  const reads = method === "GET" ? READS.exec(path)?.groups : undefined;
  if (reads?.id !== undefined) {
    const columns = new URLSearchParams(query).get("ps_args");
    if (reads.what === "top" && columns !== PROCESS_COLUMNS) return null;
    return { path: url, container: reads.id, changes: false };
  }
  const changes = method === "POST" ? CHANGES.exec(path)?.groups : undefined;
  return changes?.id === undefined ? null : { path: url, container: changes.id, changes: true };
}

/** Adds the project to whatever is filtered by already. */
function narrow(query: URLSearchParams, project: string): URLSearchParams | null {
  let filters: unknown;
  try {
    filters = JSON.parse(query.get("filters") ?? "{}");
  } catch {
    return null;
  }
  if (typeof filters !== "object" || filters === null || Array.isArray(filters)) return null;
  const { label = [], ...others } = filters as Record<string, unknown>;
  const labels = Array.isArray(label) ? label : [];
  query.set("filters", JSON.stringify({ ...others, label: [...labels, `${PROJECT_LABEL}=${project}`] }));
  return query;
}
