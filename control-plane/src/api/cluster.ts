import type { FastifyPluginAsyncTypebox } from "@fastify/type-provider-typebox";
import { Type } from "typebox";
import type { Cluster } from "../services/cluster.ts";
import { Id, Instant, Nullable } from "./lists.ts";

const Cores = Type.Integer({ examples: [4] });
const Megabytes = Type.Integer({ description: "Megabytes", examples: [3072] });
const owner = {
  application: Nullable(
    Type.String({ description: "Our application that it belongs to; null for a stranger", examples: ["sales"] }),
  ),
  launch: Nullable(Id("The submission that made it")),
};

const ClusterResource = Type.Object(
  {
    master: Type.Object({
      url: Type.String({ examples: ["spark://127.0.0.1:7077"] }),
      status: Type.String({ description: "STANDBY, ALIVE, RECOVERING or COMPLETING_RECOVERY", examples: ["ALIVE"] }),
      version: Nullable(Type.String({ examples: ["4.1.3"] })),
    }),
    totals: Type.Object(
      {
        workers: Type.Integer({ examples: [1] }),
        cores: Cores,
        coresFree: Cores,
        memoryMb: Megabytes,
        memoryFreeMb: Megabytes,
      },
      { description: "Of workers that are ALIVE" },
    ),
    workers: Type.Array(
      Type.Object({
        id: Type.String({ examples: ["worker-20261121015607-127.0.0.1-7078"] }),
        host: Type.String({ examples: ["127.0.0.1"] }),
        state: Type.String({ description: "ALIVE, DEAD, DECOMMISSIONED or UNKNOWN", examples: ["ALIVE"] }),
        cores: Cores,
        coresFree: Cores,
        memoryMb: Megabytes,
        memoryFreeMb: Megabytes,
        lastHeartbeatAt: Nullable(Instant),
      }),
    ),
    applications: Type.Array(
      Type.Object({
        id: Type.String({ examples: ["app-20261121015617-0000"] }),
        driver: Type.String({ description: "Its driver", examples: ["driver-20261121015612-0000"] }),
        ...owner,
        state: Type.String({ description: "WAITING, RUNNING, …", examples: ["RUNNING"] }),
        cores: Cores,
        memoryPerExecutorMb: Megabytes,
        startedAt: Nullable(Instant),
      }),
      { description: "Spark applications that wait or run" },
    ),
    drivers: Type.Array(
      Type.Object({
        id: Type.String({ examples: ["driver-20261121015612-0000"] }),
        ...owner,
        state: Type.String({
          description: "SUBMITTED, RUNNING, FINISHED, FAILED, KILLED, ERROR, …",
          examples: ["RUNNING"],
        }),
        active: Type.Boolean({ description: "Pending or running" }),
        worker: Nullable(
          Type.String({ description: "Where it runs", examples: ["worker-20261121015607-127.0.0.1-7078"] }),
        ),
        cores: Cores,
        memoryMb: Megabytes,
        submittedAt: Nullable(Instant),
      }),
      { description: "Drivers that the master remembers, active ones first" },
    ),
  },
  { title: "Cluster", description: "The Spark cluster" },
);

/** `GET /cluster`. */
export const clusterRoutes: FastifyPluginAsyncTypebox<{ cluster: Cluster }> = async (app, { cluster }) => {
  app.get(
    "/cluster",
    {
      schema: {
        operationId: "getCluster",
        tags: ["platform"],
        summary: "The Spark master, its workers, and who uses them",
        response: { 200: ClusterResource },
      },
    },
    async () => cluster.view(),
  );
};
