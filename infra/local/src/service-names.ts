/** All services that there are, in the order in which they can start. */
export const SERVICE_NAMES: readonly string[] = [
  "postgres",
  "kafka",
  "spark-master",
  "schema-registry",
  "spark-worker",
  "control-plane",
  "producer",
];
