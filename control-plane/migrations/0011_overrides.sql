-- Up Migration

-- Refused records that people let in after all. The jobs apply them, and say what became of each.
CREATE TABLE overrides (
  number        bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  pipeline      text NOT NULL REFERENCES pipelines,
  topic         text NOT NULL,
  partition     integer NOT NULL,
  "offset"      bigint NOT NULL,
  -- why, in somebody's words
  reason        text NOT NULL,
  -- fields of the event that are replaced, by their names in the contract
  fields        jsonb NOT NULL,
  -- what the record had been refused as
  outcome       text NOT NULL,
  created_by    text NOT NULL,
  created_at    timestamptz NOT NULL DEFAULT now(),
  state         text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'applied', 'refused')),
  settled_at    timestamptz,
  reasons       text[] NOT NULL DEFAULT '{}',
  event_id      text,
  -- where the same event had been accepted before, where that is why it was refused
  duplicate_of  text,
  -- the commit of the table that let it in, and the newest batch before it; null where the log has forgotten it
  version       bigint,
  batch         bigint
);
-- A record is decided once; one that was refused may be tried again with other fields.
CREATE UNIQUE INDEX overrides_one_per_record ON overrides (topic, partition, "offset") WHERE state <> 'refused';
CREATE INDEX overrides_to_apply ON overrides (pipeline, number) WHERE state <> 'refused';
