-- Up Migration

-- What happened, in order; bounded. Ids are given out under a lock, so that they become visible in their order: whoever
-- has read up to one has missed none before it.
CREATE TABLE events (
  id        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at        timestamptz NOT NULL DEFAULT clock_timestamp(),
  type      text NOT NULL,
  -- ids of what it is about: a job, an application, an operation, a launch
  subjects  text[] NOT NULL,
  data      jsonb NOT NULL
);

-- Up to which id events are forgotten; batches are many and go sooner than the rest.
CREATE TABLE event_horizons (
  batches    boolean PRIMARY KEY,
  forgotten  bigint NOT NULL DEFAULT 0
);
INSERT INTO event_horizons (batches) VALUES (true), (false);

ALTER TABLE operations
  ADD COLUMN requested_by text,
  ADD COLUMN request_id   text;

ALTER TABLE runs
  -- the request that ended it
  ADD COLUMN operation uuid REFERENCES operations,
  -- rows by outcome, summed over its batches
  ADD COLUMN outcomes  jsonb NOT NULL DEFAULT '{}';
