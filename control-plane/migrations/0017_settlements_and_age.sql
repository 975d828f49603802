-- Up Migration

-- Old entries are forgotten by their age; without this each look for them reads the whole ledger.
CREATE INDEX ledger_by_age ON ledger (at);

-- In which generations of the tables an override has ended. One that is applied is named to every other generation until that one tells of it.
CREATE TABLE override_settlements (
  number      bigint NOT NULL REFERENCES overrides,
  generation  integer NOT NULL,
  PRIMARY KEY (number, generation)
);
