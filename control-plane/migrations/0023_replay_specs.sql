-- Up Migration

-- What differs in the specs of shadow jobs: limits were all that could.
UPDATE replays SET request = (request - 'limits') || jsonb_build_object('specs', coalesce(
  (SELECT jsonb_object_agg(job, jsonb_build_object('limits', limits)) FROM jsonb_each(request -> 'limits') AS each (job, limits)),
  '{}'))
WHERE request ? 'limits';
