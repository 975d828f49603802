-- Up Migration

-- One row per commit: several ticks, or several sums of final windows, may follow on one batch.
ALTER TABLE ledger DROP CONSTRAINT ledger_pkey;
ALTER TABLE ledger ADD PRIMARY KEY (generation, "table", version);

-- What the entries that are no longer kept added up to, so that a table's rows can be compared with its whole ledger.
CREATE TABLE ledger_sums (
  generation  integer NOT NULL,
  "table"     text NOT NULL,
  -- a kind of row, as `rows` of an entry names it, or `rowsIn`
  name        text NOT NULL,
  total       numeric NOT NULL,
  PRIMARY KEY (generation, "table", name)
);

-- Up to which version of a table every ledger entry is here; log clean-up may take the commits up to it.
CREATE TABLE harvests (
  -- the table's folder below the lake
  path        text PRIMARY KEY,
  version     bigint NOT NULL,
  updated_at  timestamptz NOT NULL DEFAULT now()
);

-- The newest check of each generation, and from where the next one goes on.
CREATE TABLE reconciliations (
  generation  integer PRIMARY KEY,
  report      jsonb NOT NULL,
  -- null: the next check counts everything anew
  resume      jsonb
);
