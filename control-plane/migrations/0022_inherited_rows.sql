-- Up Migration

-- The folder below the lake of the table whose rows before `start` the generation has taken over; null for one that has none of another.
ALTER TABLE generations
  ADD COLUMN inherits text,
  ADD CONSTRAINT generations_inherit_up_to CHECK (inherits IS NULL OR start IS NOT NULL);
