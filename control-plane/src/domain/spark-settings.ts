import type { ApplicationSpec } from "./specs/application-spec.ts";

/**
 * What has to be known before a driver's own program runs; all other settings stand in the runner's `session.py`, each
 * with its reason. No secret may stand here: the master shows them to everyone.
 */
const SUBMITTED: ReadonlyArray<readonly [key: string, value: string, why: string]> = [
  ["spark.submit.deployMode", "cluster", "the worker runs the driver, so it outlives the control plane"],
  ["spark.driver.supervise", "false", "the reconciler restarts; Spark would relaunch under the same id"],
];

/** Where an application finds its software and its control plane; absolute paths. */
export interface SparkSite {
  /** `spark://host:port` */
  masterUrl: string;
  /** address the driver binds to and is reached at; null: the one that its worker binds to */
  host: string | null;
  python: string;
  javaHome: string;
  /** folder with the package `penstock_jobs` */
  jobsDir: string;
  /** folder of connector jars */
  jarsDir: string;
  stateDir: string;
  /** of every control plane that there is */
  controlPlanes: string[];
  tokenFile: string;
  /** file that names a control plane which none of these had told of */
  signpost: string;
  /** environment variables that say how Kafka and the registry are reached; no secret, but paths of files with some */
  connections: Record<string, string>;
}

/** Body of the Spark master's `POST /v1/submissions/create`. */
export interface SubmissionRequest {
  action: "CreateSubmissionRequest";
  clientSparkVersion: string;
  mainClass: string;
  appResource: string;
  appArgs: string[];
  environmentVariables: Record<string, string>;
  sparkProperties: Record<string, string>;
}

const SPARK_VERSION = "4.1.3";
const SCALA_VERSION = "2.13";

/**
 * Composes the submission of one application for one launch.
 *
 * The launch id stands in the environment, so that a driver can be recognised on this machine even when it never
 * called home, and in the arguments, so that its first sync can name it.
 */
export function composeSubmission(
  site: SparkSite,
  application: string,
  spec: ApplicationSpec,
  launchId: string,
): SubmissionRequest {
  const main = `${site.jobsDir}/penstock_jobs/runner/main.py`;
  return {
    action: "CreateSubmissionRequest",
    clientSparkVersion: SPARK_VERSION,
    mainClass: "org.apache.spark.deploy.PythonRunner",
    appResource: `file://${main}`,
    // PythonRunner's own arguments come first: the program and its --py-files (none).
    appArgs: [
      main,
      "",
      ...site.controlPlanes.flatMap((url) => ["--control-plane", url]),
      ...["--application", application],
      ...["--launch", launchId],
      ...["--token-file", site.tokenFile],
      ...["--signpost", site.signpost],
    ],
    environmentVariables: {
      SPARK_ENV_LOADED: "1",
      // Spark's launcher otherwise looks for its own build folders, and finds none in an installed package.
      SPARK_SCALA_VERSION: SCALA_VERSION,
      ...(site.host === null ? {} : { SPARK_LOCAL_IP: site.host }),
      JAVA_HOME: site.javaHome,
      PYSPARK_PYTHON: site.python,
      PYSPARK_DRIVER_PYTHON: site.python,
      PYTHONPATH: site.jobsDir,
      PYTHONUNBUFFERED: "1",
      ...site.connections,
      PENSTOCK_STATE_DIR: site.stateDir,
      PENSTOCK_LAUNCH_ID: launchId,
    },
    sparkProperties: {
      // First, so that nothing of them can win over what follows.
      ...spec.settings,
      ...Object.fromEntries(SUBMITTED.map(([key, value]) => [key, value])),
      // One small heap needs no threads for collecting garbage; a driver plans, and the second compiler took a
      // third of its CPU time in the first two minutes. Without that one the JVM sets 48 MB aside for compiled code, which
      // the plans of a few hundred starts of queries fill: then it dies. The log's level: `session.py`.
      "spark.driver.extraJavaOptions": `-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:ReservedCodeCacheSize=240m -Dlog4j2.configurationFile=${logConfiguration(site)}`,
      "spark.app.name": application,
      "spark.master": site.masterUrl,
      "spark.driver.memory": spec.driverMemory,
      "spark.driver.cores": "1",
      ...(site.host === null ? {} : { "spark.driver.host": site.host, "spark.driver.bindAddress": site.host }),
      "spark.executor.memory": spec.executorMemory,
      "spark.cores.max": String(spec.cores),
      "spark.sql.shuffle.partitions": String(spec.shufflePartitions),
      "spark.driver.extraClassPath": `${site.jarsDir}/*`,
      "spark.executor.extraClassPath": `${site.jarsDir}/*`,
      "spark.executorEnv.SPARK_SCALA_VERSION": SCALA_VERSION,
      "spark.pyspark.python": site.python,
      "spark.pyspark.driver.python": site.python,
    },
  };
}

/** As a URL, in which no space can end the option. */
function logConfiguration({ jobsDir }: SparkSite): string {
  return `file://${encodeURI(`${jobsDir}/penstock_jobs/log4j2.properties`)}`;
}
