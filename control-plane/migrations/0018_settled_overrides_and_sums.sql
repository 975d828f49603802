-- Up Migration

-- As what an override ended in each generation, and in which version of the table its row is: so that the table can be compared with it.
ALTER TABLE override_settlements
  ADD COLUMN state text NOT NULL DEFAULT 'applied' CHECK (state IN ('applied', 'refused')),
  -- null where the log has forgotten the commit, or a batch of a replay let the record in
  ADD COLUMN version bigint;
UPDATE override_settlements SET state = overrides.state FROM overrides
  WHERE overrides.number = override_settlements.number AND overrides.state <> 'pending';
-- The version that an override has of itself is that of the generation that told of it first.
UPDATE override_settlements SET version = overrides.version FROM overrides
  WHERE overrides.number = override_settlements.number AND override_settlements.generation =
    (SELECT min(generation) FROM override_settlements AS first WHERE first.number = overrides.number);
ALTER TABLE override_settlements ALTER COLUMN state DROP DEFAULT;

-- `ledger_sums` is from now on what all entries add up to that were ever saved, and not those alone that are forgotten: so nobody has to add up
-- what is kept, which is hundreds of thousands of entries.
INSERT INTO ledger_sums (generation, "table", name, total)
SELECT generation, "table", named.key, sum(named.value::numeric) FROM ledger,
  jsonb_each_text(coalesce(entry->'rows', '{}') || jsonb_build_object('rowsIn', entry->'rowsIn')) AS named(key, value)
WHERE named.value::numeric <> 0 GROUP BY 1, 2, 3
ON CONFLICT (generation, "table", name) DO UPDATE SET total = ledger_sums.total + excluded.total;
