-- Up Migration

-- The control planes of this database, the one that decides and those that stand by: where runners call them.
CREATE TABLE control_planes (
  address  text PRIMARY KEY,
  seen_at  timestamptz NOT NULL DEFAULT now()
);

-- Addresses at which a launch's runner looks for a control plane; null for one of an older version, which does not say.
ALTER TABLE launches ADD COLUMN control_planes text[];

-- The ends of the driver's logs when a query died in it: the driver lives on, and its log with it.
ALTER TABLE runs ADD COLUMN last_words jsonb;
