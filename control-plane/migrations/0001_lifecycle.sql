-- Up Migration

CREATE TABLE pipelines (
  name        text PRIMARY KEY,
  created_at  timestamptz NOT NULL DEFAULT now()
);

-- A generation is a consistent set of tables; `rules` are the parameters that decided the outcome of its rows.
CREATE TABLE generations (
  pipeline    text NOT NULL REFERENCES pipelines,
  number      integer NOT NULL CHECK (number > 0),
  parent      integer,
  live        boolean NOT NULL DEFAULT false,
  tables      jsonb NOT NULL,
  rules       jsonb NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (pipeline, number)
);
CREATE UNIQUE INDEX generations_one_live ON generations (pipeline) WHERE live;

CREATE TABLE applications (
  name        text PRIMARY KEY,
  pipeline    text NOT NULL REFERENCES pipelines,
  spec        jsonb NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE jobs (
  id               text PRIMARY KEY,
  pipeline         text NOT NULL REFERENCES pipelines,
  application      text NOT NULL REFERENCES applications,
  spec             jsonb NOT NULL,
  desired          text NOT NULL CHECK (desired IN ('running', 'stopped')),
  -- failures before this moment no longer count against the job
  desired_since    timestamptz NOT NULL DEFAULT now(),
  stop_mode        text NOT NULL DEFAULT 'drain' CHECK (stop_mode IN ('drain', 'now')),
  stop_timeout_ms  integer NOT NULL DEFAULT 30000,
  epoch            integer NOT NULL DEFAULT 0,
  state            text NOT NULL DEFAULT 'STOPPED',
  reason           text,
  state_since      timestamptz NOT NULL DEFAULT now()
);

-- One submission of an application, recorded before it is made.
CREATE TABLE launches (
  id             uuid PRIMARY KEY,
  application    text NOT NULL REFERENCES applications,
  recorded_at    timestamptz NOT NULL DEFAULT now(),
  submitting_at  timestamptz,
  submission_id  text,
  adopted_at     timestamptz,
  driver_id      text,
  spark_app_id   text,
  host           text,
  processes      jsonb NOT NULL DEFAULT '[]',
  last_sync_at   timestamptz,
  -- its runner said that it is on its way out
  leaving_at     timestamptz,
  last_sequence  bigint NOT NULL DEFAULT 0,
  ended_at       timestamptz,
  end_reason     text,
  -- it ended soon, although it was wanted and nobody had asked it to
  failed         boolean NOT NULL DEFAULT false
);
CREATE UNIQUE INDEX launches_one_open ON launches (application) WHERE ended_at IS NULL;
CREATE INDEX launches_by_end ON launches (application, ended_at DESC);

-- Each life of each job.
CREATE TABLE runs (
  job            text NOT NULL REFERENCES jobs,
  epoch          integer NOT NULL,
  generation     integer NOT NULL,
  launch         uuid NOT NULL REFERENCES launches,
  query_id       text,
  query_run_id   text,
  started_at     timestamptz NOT NULL DEFAULT now(),
  stopping_since timestamptz,
  ended_at       timestamptz,
  ended_by       text,
  exception      jsonb,
  certificate    jsonb,
  batches        bigint NOT NULL DEFAULT 0,
  rows           bigint NOT NULL DEFAULT 0,
  PRIMARY KEY (job, epoch)
);
CREATE UNIQUE INDEX runs_one_open ON runs (job) WHERE ended_at IS NULL;

CREATE TABLE operations (
  id               uuid PRIMARY KEY,
  kind             text NOT NULL,
  job              text NOT NULL REFERENCES jobs,
  state            text NOT NULL DEFAULT 'running',
  request          jsonb NOT NULL,
  from_epoch       integer NOT NULL,
  steps            jsonb NOT NULL DEFAULT '[]',
  idempotency_key  text UNIQUE,
  created_at       timestamptz NOT NULL DEFAULT now(),
  ended_at         timestamptz
);
CREATE UNIQUE INDEX operations_one_open ON operations (job) WHERE ended_at IS NULL;
CREATE INDEX operations_newest ON operations (created_at DESC, id);

-- What queries report; a bounded history.
CREATE TABLE progress (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  job         text NOT NULL REFERENCES jobs,
  generation  integer NOT NULL,
  epoch       integer NOT NULL,
  type        text NOT NULL,
  at          timestamptz NOT NULL,
  data        jsonb NOT NULL
);
CREATE INDEX progress_newest ON progress (job, id DESC);

-- One entry per commit of a job, copied from the tables' own history.
CREATE TABLE ledger (
  job         text NOT NULL,
  generation  integer NOT NULL,
  "table"     text NOT NULL,
  batch       bigint NOT NULL,
  kind        text NOT NULL,
  epoch       integer NOT NULL,
  version     bigint NOT NULL,
  at          timestamptz NOT NULL,
  entry       jsonb NOT NULL,
  PRIMARY KEY (job, generation, "table", batch, kind)
);
CREATE INDEX ledger_newest ON ledger (job, generation, "table", version DESC);

CREATE TABLE audit_log (
  id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at          timestamptz NOT NULL DEFAULT now(),
  actor       text NOT NULL,
  action      text NOT NULL,
  target      text NOT NULL,
  request_id  text,
  before      jsonb,
  after       jsonb
);
