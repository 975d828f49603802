-- Up Migration

-- What runs and operations had counted that are no longer kept: counters of metrics never fall.
CREATE TABLE forgotten_runs (
  job       text NOT NULL REFERENCES jobs,
  ended_by  text NOT NULL,
  runs      bigint NOT NULL,
  batches   bigint NOT NULL,
  rows      bigint NOT NULL,
  PRIMARY KEY (job, ended_by)
);
CREATE TABLE forgotten_outcomes (
  job      text NOT NULL REFERENCES jobs,
  outcome  text NOT NULL,
  rows     bigint NOT NULL,
  PRIMARY KEY (job, outcome)
);
CREATE TABLE forgotten_operations (
  kind        text NOT NULL,
  state       text NOT NULL,
  operations  bigint NOT NULL,
  PRIMARY KEY (kind, state)
);

CREATE INDEX runs_by_launch ON runs (launch);
CREATE INDEX runs_by_operation ON runs (operation);
