-- What the availability engine knows of each lot, as one JSON document: what an emptied Redis or a lost journal is filled
-- with again. A newer version, or a later word of the same version, replaces an older one; never the reverse.
CREATE TABLE availability_state (
  lot TEXT PRIMARY KEY,
  doc TEXT NOT NULL,
  version BIGINT NOT NULL,
  saved_at_us BIGINT NOT NULL
);
