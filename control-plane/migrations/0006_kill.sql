-- Up Migration

ALTER TABLE launches
  ADD COLUMN kill_requested_at timestamptz,
  -- an operator who says that it is dead, where that cannot be found out
  ADD COLUMN declared_dead_by  text;

ALTER TABLE jobs DROP CONSTRAINT jobs_stop_mode_check;
ALTER TABLE jobs ADD CONSTRAINT jobs_stop_mode_check CHECK (stop_mode IN ('drain', 'now', 'kill'));
