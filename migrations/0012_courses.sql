-- What happened to a record since it was made, what it follows from, and its nearest deadline; and appeals against records.
ALTER TABLE records ADD COLUMN course TEXT;
ALTER TABLE records ADD COLUMN follows TEXT;
ALTER TABLE records ADD COLUMN due_what TEXT;
ALTER TABLE records ADD COLUMN due_us BIGINT;
CREATE UNIQUE INDEX records_follows ON records (follows);
CREATE INDEX records_due ON records (due_us);
CREATE TABLE appeals (
  id TEXT PRIMARY KEY,
  record TEXT NOT NULL REFERENCES records (id),
  kind TEXT NOT NULL,
  state TEXT NOT NULL,
  claim TEXT NOT NULL,
  authority TEXT NOT NULL,
  filed_at_us BIGINT NOT NULL,
  decided_at_us BIGINT,
  outcome TEXT,
  note TEXT,
  filed_by TEXT NOT NULL,
  ledger_seq BIGINT NOT NULL
);
CREATE INDEX appeals_record ON appeals (record, filed_at_us);
CREATE INDEX appeals_filed ON appeals (filed_at_us, id);
