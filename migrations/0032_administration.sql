-- What an administration set at run time: each change is a row of its own, and the newest of a name holds. No value gives the
-- configuration its say again.
CREATE TABLE settings (
  name TEXT NOT NULL,
  version BIGINT NOT NULL,
  value TEXT,
  set_by TEXT NOT NULL,
  set_at_us BIGINT NOT NULL,
  reason TEXT NOT NULL,
  ledger_seq BIGINT NOT NULL,
  PRIMARY KEY (name, version)
);
-- The unit a person of the staff belongs to, in its own words.
ALTER TABLE staff ADD COLUMN unit TEXT;
-- A permit is for a time and a place; the white list is of vehicles that are on duty everywhere.
ALTER TABLE permits ADD COLUMN kind TEXT NOT NULL DEFAULT 'permit';
