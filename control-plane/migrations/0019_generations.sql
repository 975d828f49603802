-- Up Migration

-- A generation is made beside the live one (shadow), becomes live, is kept for a while so that it can become live again,
-- is given up (discarded), and at last collected: what it alone had is deleted. Numbers are never given out twice.
ALTER TABLE generations
  ADD COLUMN state         text NOT NULL DEFAULT 'live' CHECK (state IN ('shadow', 'live', 'kept', 'discarded', 'collected')),
  -- the replay that made it; null for the first one
  ADD COLUMN replay        uuid,
  -- offsets at which its reader of the topic begins; null for one that reads no topic or begins with the earliest
  ADD COLUMN start         jsonb,
  -- why its shadow jobs begin no batch for the time being
  ADD COLUMN held          text,
  ADD COLUMN promoted_at   timestamptz,
  ADD COLUMN kept_until    timestamptz,
  ADD COLUMN collected_at  timestamptz,
  ADD CONSTRAINT generations_live_is_a_state CHECK (live = (state = 'live')),
  ADD CONSTRAINT generations_kept_until_when CHECK ((state = 'kept') = (kept_until IS NOT NULL));
ALTER TABLE generations ALTER COLUMN state DROP DEFAULT;
UPDATE generations SET promoted_at = created_at;

-- From when on which generation was live, so that an answer as of then is read from that one.
CREATE TABLE generation_terms (
  pipeline    text NOT NULL,
  generation  integer NOT NULL,
  since       timestamptz NOT NULL,
  PRIMARY KEY (pipeline, since),
  FOREIGN KEY (pipeline, generation) REFERENCES generations
);
INSERT INTO generation_terms (pipeline, generation, since) SELECT pipeline, number, created_at FROM generations;

-- A shadow job does for another generation what the job that it shadows does for the live one.
ALTER TABLE jobs
  ADD COLUMN shadow_of   text REFERENCES jobs,
  -- whose tables it writes: its checkpoint, its ledger and its runs are of this one
  ADD COLUMN generation  integer,
  -- the generation that is to become live with it: a newer one where that shares the job's tables
  ADD COLUMN shadow_in   integer,
  -- it does nothing any more, and stays for the sake of its runs
  ADD COLUMN retired_at  timestamptz,
  ADD CONSTRAINT jobs_shadow_whole CHECK (num_nonnulls(shadow_of, generation, shadow_in) IN (0, 3)),
  ADD CONSTRAINT jobs_only_shadows_retire CHECK (retired_at IS NULL OR shadow_of IS NOT NULL),
  ADD FOREIGN KEY (pipeline, shadow_in) REFERENCES generations,
  ADD FOREIGN KEY (pipeline, generation) REFERENCES generations;
CREATE UNIQUE INDEX jobs_one_shadow ON jobs (shadow_of) WHERE retired_at IS NULL;
