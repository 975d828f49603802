-- Up Migration

-- One row for each time that something began to fail, until it is seen not failing.
CREATE TABLE alerts (
  id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  -- what fails: whoever observes it again under this key means the same
  key          text NOT NULL,
  severity     text NOT NULL CHECK (severity IN ('info', 'warning', 'critical')),
  title        text NOT NULL,
  detail       text NOT NULL,
  -- ids of what it is about: a job, a table, a rule
  subjects     text[] NOT NULL,
  fired_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
  -- when it was last seen failing
  seen_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
  resolved_at  timestamptz,
  -- how it was when it was seen not failing
  resolution   text
);
CREATE UNIQUE INDEX alerts_one_firing ON alerts (key) WHERE resolved_at IS NULL;

-- What the webhook is to be told, saved with the change that it tells of; open until it was taken or given up.
CREATE TABLE alert_messages (
  id               bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  alert            bigint NOT NULL REFERENCES alerts ON DELETE CASCADE,
  kind             text NOT NULL CHECK (kind IN ('fired', 'escalated', 'resolved')),
  created_at       timestamptz NOT NULL DEFAULT clock_timestamp(),
  attempts         integer NOT NULL DEFAULT 0,
  next_attempt_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  last_error       text,
  delivered_at     timestamptz,
  abandoned_at     timestamptz
);
CREATE INDEX alert_messages_by_alert ON alert_messages (alert, id);
CREATE INDEX alert_messages_open ON alert_messages (id) WHERE delivered_at IS NULL AND abandoned_at IS NULL;
