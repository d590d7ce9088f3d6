-- What the lots near by had free when an incident became ripe; and who may stand where others may not.
ALTER TABLE incidents ADD COLUMN lots_when_ripe TEXT;
CREATE TABLE permits (
  id TEXT PRIMARY KEY,
  plate_norm TEXT NOT NULL,
  zone TEXT,
  from_us BIGINT NOT NULL,
  to_us BIGINT NOT NULL,
  reason TEXT NOT NULL,
  granted_by TEXT NOT NULL,
  granted_at_us BIGINT NOT NULL,
  ended_at_us BIGINT
);
CREATE INDEX permits_plate ON permits (plate_norm, to_us);
