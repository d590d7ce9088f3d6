-- Who looked at what, found by what was done and when; and who has taken an incident to look at, until when.
CREATE INDEX ledger_kind ON ledger (kind, at_us);
CREATE TABLE incident_claims (
  incident TEXT PRIMARY KEY REFERENCES incidents (id),
  person TEXT NOT NULL,
  until_us BIGINT NOT NULL
);
