-- Up Migration

-- What the newest comparison of a replay with the live generation found.
CREATE TABLE replay_diffs (
  replay       uuid PRIMARY KEY,
  summary      jsonb NOT NULL,
  compared_at  timestamptz NOT NULL
);

-- Figures of windows that differ; those that changed most, where there are very many.
CREATE TABLE replay_diff_windows (
  replay              uuid NOT NULL REFERENCES replay_diffs ON DELETE CASCADE,
  window_start        timestamptz NOT NULL,
  window_end          timestamptz NOT NULL,
  plan_tier           text NOT NULL,
  region              text NOT NULL,
  currency            text NOT NULL,
  kind                text NOT NULL CHECK (kind IN ('added', 'removed', 'changed')),
  revenue_before      numeric(38, 2),
  event_count_before  bigint,
  revenue_after       numeric(38, 2),
  event_count_after   bigint,
  final               boolean NOT NULL,
  PRIMARY KEY (replay, window_start, window_end, plan_tier, region, currency)
);

-- Records of which silver does not say the same; some of each kind, where there are very many.
CREATE TABLE replay_diff_records (
  replay           uuid NOT NULL REFERENCES replay_diffs ON DELETE CASCADE,
  topic            text NOT NULL,
  partition        integer NOT NULL,
  "offset"         bigint NOT NULL,
  kind             text NOT NULL CHECK (kind IN ('added', 'removed', 'changed')),
  -- null where that side does not have the record
  outcome_before   text,
  outcome_after    text,
  columns          text[] NOT NULL,
  -- as text: records may hold characters that jsonb does not take
  before           json,
  after            json,
  PRIMARY KEY (replay, topic, partition, "offset")
);
