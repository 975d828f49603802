import type { DriverState } from "../domain/lifecycle/launch.ts";
import type { SubmissionRequest } from "../domain/spark-settings.ts";

/** What the master's web page says about the cluster. */
export interface ClusterView {
  url: string;
  status: string;
  workers: WorkerView[];
  /** submission ids of drivers that are pending or running */
  activeDrivers: string[];
  /** those that the master remembers, active ones first */
  drivers: DriverView[];
  /** those that wait or run */
  applications: SparkApplicationView[];
}

export interface WorkerView {
  id: string;
  host: string;
  /** base of its web page */
  uiUrl: string;
  state: string;
  cores: number;
  coresFree: number;
  memoryMb: number;
  memoryFreeMb: number;
  lastHeartbeatAt: Date | null;
}

export interface DriverView {
  id: string;
  state: string;
  active: boolean;
  worker: string | null;
  cores: number;
  memoryMb: number;
  submittedAt: Date | null;
}

export interface SparkApplicationView {
  id: string;
  name: string;
  state: string;
  cores: number;
  memoryPerExecutorMb: number;
  startedAt: Date | null;
}

export interface SparkMaster {
  /** @throws SubmissionRefused when the submission surely was not made; any other error leaves it open */
  submit(request: SubmissionRequest): Promise<string>;
  status(submissionId: string): Promise<DriverState>;
  /** Asks for the end of a driver. What it answers is no proof of anything: ask for the status. */
  kill(submissionId: string): Promise<void>;
  /** @throws Problem when the master does not answer */
  cluster(): Promise<ClusterView>;
  /** Spark's version; null when the master does not tell */
  version(): Promise<string | null>;
}

/** The master did not take a submission. */
export class SubmissionRefused extends Error {
  constructor(message: string) {
    super(message);
    this.name = "SubmissionRefused";
  }
}
