import Docker from "dockerode";

/** Compose writes these on each container. */
const PROJECT_LABEL = "com.docker.compose.project";
const SERVICE_LABEL = "com.docker.compose.service";
const NUMBER_LABEL = "com.docker.compose.container-number";

/** Which containers are looked at and touched: those of one Compose project, and no other. */
export interface EngineOptions {
  /** `http://host:port` of a proxy, or `unix:///path` of the engine's socket */
  url: string;
  project: string;
  timeoutMs?: number;
}

/** A container of the project. */
export interface Container {
  id: string;
  /** name of its service in the compose file, with a number from the second one on */
  name: string;
  service: string;
  image: string;
  /** created, running, paused, restarting, removing, exited or dead */
  state: string;
}

/** The Docker engine, as far as one Compose project goes. */
export interface DockerEngine {
  docker: Docker;
  /** the same without a time limit: for what follows along, and for stopping what takes its time */
  patient: Docker;
  project: string;
  /** every container of the project, also those that do not run */
  containers(): Promise<Container[]>;
  /** label filter of the project */
  filter: { label: string[] };
}

const TIMEOUT_MS = 10_000;

export function connectDocker({ url, project, timeoutMs = TIMEOUT_MS }: EngineOptions): DockerEngine {
  const docker = new Docker(connection(url, timeoutMs));
  const filter = { label: [`${PROJECT_LABEL}=${project}`] };
  return {
    docker,
    patient: new Docker(connection(url)),
    project,
    filter,
    async containers() {
      const found = await docker.listContainers({ all: true, filters: filter });
      return found
        .filter(({ Labels }) => Labels[PROJECT_LABEL] === project && Labels["com.docker.compose.oneoff"] !== "True")
        .map(({ Id, Image, State, Labels }) => ({
          id: Id,
          name: instanceName(Labels),
          service: Labels[SERVICE_LABEL] ?? "",
          image: Image,
          state: State,
        }));
    },
  };
}

/** `kafka`, `spark-worker`, `spark-worker-2`: the first one has the service's name. */
export function instanceName(labels: Record<string, string>): string {
  const number = labels[NUMBER_LABEL] ?? "1";
  const service = labels[SERVICE_LABEL] ?? "";
  return number === "1" ? service : `${service}-${number}`;
}

function connection(url: string, timeout?: number): Docker.DockerOptions {
  const limit = timeout === undefined ? {} : { timeout };
  if (url.startsWith("unix://")) return { socketPath: url.slice("unix://".length), ...limit };
  const { hostname, port } = new URL(url);
  return { protocol: "http", host: hostname, port: Number(port), ...limit };
}
