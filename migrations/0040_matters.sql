-- Matters of city management: today's state of each, with all of it as JSON in `body`; the columns beside it are what lists, clocks
-- and scores ask for. The ledger's entry `ledger_seq` says the same.
CREATE TABLE matters (
  id TEXT PRIMARY KEY,
  number TEXT NOT NULL UNIQUE,
  category TEXT NOT NULL,
  source TEXT NOT NULL,
  state TEXT NOT NULL,
  is_open BIGINT NOT NULL,
  level TEXT NOT NULL,
  cell TEXT,
  town TEXT,
  street_class BIGINT NOT NULL,
  unit TEXT,
  assignee TEXT,
  subject TEXT,
  lon DOUBLE PRECISION,
  lat DOUBLE PRECISION,
  collected_at_us BIGINT NOT NULL,
  last_report_us BIGINT NOT NULL,
  rank BIGINT NOT NULL,
  reports BIGINT NOT NULL,
  due_us BIGINT,
  escalates_us BIGINT,
  closed_at_us BIGINT,
  handled_by TEXT,
  handled_late BIGINT NOT NULL,
  reworks BIGINT NOT NULL,
  reopened BIGINT NOT NULL,
  judged BIGINT,
  body TEXT NOT NULL,
  ledger_seq BIGINT NOT NULL
);
CREATE INDEX matters_open ON matters (is_open, category, lat);
CREATE INDEX matters_state ON matters (state, rank, due_us);
CREATE INDEX matters_unit ON matters (unit, state);
CREATE INDEX matters_subject ON matters (subject, is_open);
CREATE INDEX matters_escalates ON matters (escalates_us);
CREATE INDEX matters_closed ON matters (closed_at_us);
CREATE INDEX matters_collected ON matters (collected_at_us, id);

-- What was said of a matter, each with the receipt its reporter follows it by. `contact` is forgotten when the matter has ended;
-- `address` is a hash that nobody can turn back, kept for a day.
CREATE TABLE matter_reports (
  receipt TEXT PRIMARY KEY,
  matter TEXT NOT NULL REFERENCES matters (id),
  source TEXT NOT NULL,
  reporter TEXT NOT NULL,
  sent_key TEXT NOT NULL,
  content_hash TEXT NOT NULL,
  category TEXT NOT NULL,
  what TEXT NOT NULL,
  place TEXT NOT NULL,
  contact TEXT,
  address TEXT,
  rank BIGINT NOT NULL,
  judged BIGINT,
  at_us BIGINT NOT NULL,
  pictures TEXT NOT NULL
);
CREATE UNIQUE INDEX matter_reports_key ON matter_reports (reporter, sent_key);
CREATE INDEX matter_reports_matter ON matter_reports (matter, at_us);
CREATE INDEX matter_reports_address ON matter_reports (address, at_us);
