-- Up Migration

-- The ends of the driver's logs, kept because its worker removes them one day.
ALTER TABLE launches ADD COLUMN last_words jsonb;
