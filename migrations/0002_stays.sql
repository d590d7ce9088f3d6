-- What tells stays apart: which vehicle of a zone a capture shows, whether it may prove anything, and what became of an
-- incident that a late capture showed to be part of another. And who approved a seizure.
ALTER TABLE captures ADD COLUMN vehicle TEXT NOT NULL DEFAULT '';
ALTER TABLE captures ADD COLUMN is_usable BIGINT NOT NULL DEFAULT 0;
ALTER TABLE captures ADD COLUMN rule_holds BIGINT NOT NULL DEFAULT 0;
ALTER TABLE incidents ADD COLUMN vehicle TEXT NOT NULL DEFAULT '';
ALTER TABLE incidents ADD COLUMN merged_into TEXT;
CREATE INDEX incidents_vehicle ON incidents (zone, vehicle, last_seen_us);
ALTER TABLE records ADD COLUMN approved_by TEXT;
