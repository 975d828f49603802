-- Up Migration

-- What is sent on to topics. Where a publication stands is kept in Kafka, with the records; this is what was last seen of it,
-- and what people asked for.
CREATE TABLE publications (
  pipeline           text NOT NULL,
  name               text NOT NULL,
  paused_at          timestamptz,
  paused_by          text,
  generation         integer,
  position           jsonb,
  published          bigint,
  waiting            bigint,
  -- rows up to the position that were never sent: 0 unless something is wrong
  unaccounted        bigint,
  last_published_at  timestamptz,
  error              text,
  error_since        timestamptz,
  checked_at         timestamptz,
  PRIMARY KEY (pipeline, name)
);
