-- Up Migration

-- The secret itself is nowhere: only its SHA-256 is kept.
CREATE TABLE tokens (
  name          text PRIMARY KEY,
  role          text NOT NULL CHECK (role IN ('viewer', 'operator', 'admin')),
  secret_hash   bytea NOT NULL UNIQUE,
  created_by    text NOT NULL,
  created_at    timestamptz NOT NULL DEFAULT now(),
  expires_at    timestamptz,
  -- to the minute
  last_used_at  timestamptz
);

CREATE INDEX audit_log_by_target ON audit_log (target, id DESC);
CREATE INDEX audit_log_by_actor ON audit_log (actor, id DESC);
