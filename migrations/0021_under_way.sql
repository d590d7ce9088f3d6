-- Drivers who said that they are on their way to a lot, and places that an app has asked for. Nobody is named: an id is known to
-- who was given it, and only its hash is kept. Rows end by themselves.
CREATE TABLE under_way (
  id_hash TEXT PRIMARY KEY,
  lot TEXT NOT NULL,
  kind TEXT NOT NULL,
  app TEXT,
  arrives_at_us BIGINT NOT NULL,
  ends_at_us BIGINT NOT NULL
);
CREATE INDEX under_way_ends ON under_way (ends_at_us);
