-- Up Migration

-- What had been committed at some moment, for answers as of then.
CREATE INDEX ledger_by_time ON ledger (generation, "table", kind, at);
CREATE INDEX ledger_by_batch ON ledger (generation, "table", kind, batch);
