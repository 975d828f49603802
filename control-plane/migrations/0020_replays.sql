-- Up Migration

-- Each replay with what it was planned to do and how far it is. The control plane that decides leads it on step by step; each step is saved before the next.
CREATE TABLE replays (
  id            uuid PRIMARY KEY,
  pipeline      text NOT NULL REFERENCES pipelines,
  job           text NOT NULL REFERENCES jobs,
  state         text NOT NULL,
  -- how far an exchange of generations is; null outside of one
  phase         text,
  -- what it waits for
  reason        text,
  request       jsonb NOT NULL,
  plan          jsonb NOT NULL,
  hash          text NOT NULL,
  -- the one that it makes, and the one that it was planned beside
  generation    integer NOT NULL,
  parent        integer NOT NULL,
  -- offsets at which both are compared
  target        jsonb,
  -- the gates on the newest comparison, and where that was made
  verdict       jsonb,
  -- what the live jobs had read when they were drained
  certified     jsonb,
  -- live jobs that ran before they were drained
  resuming      text[] NOT NULL DEFAULT '{}',
  -- who promotes it although gates fail, and why
  override      jsonb,
  failure       text,
  steps         jsonb NOT NULL DEFAULT '[]',
  requested_by  text NOT NULL,
  request_id    text,
  created_at    timestamptz NOT NULL DEFAULT now(),
  ended_at      timestamptz,
  -- grows with each change: who decides by an older view has to look again
  revision      integer NOT NULL DEFAULT 1
);
-- Generations are made and exchanged one at a time.
CREATE UNIQUE INDEX replays_one_open ON replays (pipeline) WHERE ended_at IS NULL;
CREATE INDEX replays_newest ON replays (created_at DESC, id);
