-- Which evidence a record rests on, so that none of it is erased; and what was erased, when, by which rule and entry.
CREATE TABLE record_evidence (
  sha256 TEXT NOT NULL,
  record TEXT NOT NULL REFERENCES records (id),
  PRIMARY KEY (sha256, record)
);
CREATE INDEX record_evidence_record ON record_evidence (record);
CREATE TABLE erasures (
  sha256 TEXT PRIMARY KEY,
  at_us BIGINT NOT NULL,
  rule TEXT NOT NULL,
  ledger_seq BIGINT NOT NULL
);
