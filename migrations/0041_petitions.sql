-- Statements and requests for review that parties send online, each against a record, with the receipt it is followed by.
CREATE TABLE petitions (
  receipt TEXT PRIMARY KEY,
  record TEXT NOT NULL REFERENCES records (id),
  kind TEXT NOT NULL,
  what TEXT NOT NULL,
  contact TEXT,
  pictures TEXT NOT NULL,
  state TEXT NOT NULL,
  appeal TEXT,
  answer TEXT,
  answered_by TEXT,
  answered_at_us BIGINT,
  at_us BIGINT NOT NULL,
  ledger_seq BIGINT NOT NULL
);
CREATE INDEX petitions_record ON petitions (record, at_us);
CREATE INDEX petitions_state ON petitions (state, at_us);
