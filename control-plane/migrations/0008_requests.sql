-- Up Migration

-- What a request with an Idempotency-Key was answered with: also when that was an operation that somebody else had asked
-- for. Keys of an older version are forgotten: what their requests were is not known.
CREATE TABLE idempotency_keys (
  key           text PRIMARY KEY,
  operation     uuid NOT NULL REFERENCES operations ON DELETE CASCADE,
  request_hash  text NOT NULL,
  created_at    timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX idempotency_keys_by_operation ON idempotency_keys (operation);
ALTER TABLE operations DROP COLUMN idempotency_key;
