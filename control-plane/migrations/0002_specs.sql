-- Up Migration

-- A spec can be changed over the API: each change is a revision. `declared` is what the manifest said when it was last
-- read, so that only what has changed in it since wins over the API.
ALTER TABLE applications
  ADD COLUMN revision   integer NOT NULL DEFAULT 1,
  ADD COLUMN declared   jsonb,
  -- the job that it belongs to alone; such an application is not declared by the manifest
  ADD COLUMN dedicated  boolean NOT NULL DEFAULT false;
UPDATE applications SET spec = '{"settings": {}}'::jsonb || spec;
UPDATE applications SET declared = spec;
ALTER TABLE applications ALTER COLUMN declared SET NOT NULL;

ALTER TABLE jobs
  ADD COLUMN revision  integer NOT NULL DEFAULT 1,
  ADD COLUMN declared  jsonb;
UPDATE jobs SET spec = '{"options": {}, "drainTimeoutMs": 30000}'::jsonb || spec;
UPDATE jobs SET declared = spec;
ALTER TABLE jobs ALTER COLUMN declared SET NOT NULL;

-- What a run was started with, so that it can be said what a restart would change.
ALTER TABLE runs
  ADD COLUMN spec           jsonb,
  ADD COLUMN spec_revision  integer;
UPDATE runs SET spec = jobs.spec, spec_revision = 1 FROM jobs WHERE jobs.id = runs.job;
ALTER TABLE runs ALTER COLUMN spec SET NOT NULL, ALTER COLUMN spec_revision SET NOT NULL;

-- What a launch was submitted with; null before it was.
ALTER TABLE launches
  ADD COLUMN spec           jsonb,
  ADD COLUMN spec_revision  integer,
  -- it is to end once its jobs have: stop_mode and stop_timeout_ms say how
  ADD COLUMN retiring_at      timestamptz,
  ADD COLUMN stop_mode        text NOT NULL DEFAULT 'drain' CHECK (stop_mode IN ('drain', 'now')),
  ADD COLUMN stop_timeout_ms  integer NOT NULL DEFAULT 30000;
UPDATE launches SET spec = applications.spec, spec_revision = 1
  FROM applications WHERE applications.name = launches.application AND launches.submitting_at IS NOT NULL;

-- An operation belongs to a job or to an application.
ALTER TABLE operations
  ALTER COLUMN job DROP NOT NULL,
  ADD COLUMN application  text REFERENCES applications,
  ADD COLUMN from_launch  uuid,
  ADD CONSTRAINT operations_one_subject CHECK (num_nonnulls(job, application) = 1);
CREATE UNIQUE INDEX operations_one_open_of_application ON operations (application) WHERE ended_at IS NULL;
