-- One set for SQLite and PostgreSQL: BIGINT, DOUBLE PRECISION and TEXT only; instants are microseconds (`*_us`);
-- ids are bound from the program.

-- The imported city: the revision in force, and each feature or section of the city file.
CREATE TABLE city_revision (
  id BIGINT PRIMARY KEY CHECK (id = 1),
  revision BIGINT NOT NULL,
  imported_at_us BIGINT NOT NULL
);
CREATE TABLE city_features (
  kind TEXT NOT NULL,
  id TEXT NOT NULL,
  doc TEXT NOT NULL,
  ordinal BIGINT NOT NULL,
  revision BIGINT NOT NULL,
  retired_at_us BIGINT,
  PRIMARY KEY (kind, id)
);

-- Staff: accounts, sessions (only the SHA-256 of a token), recent failed sign-ins.
CREATE TABLE staff (
  name TEXT PRIMARY KEY,
  role TEXT NOT NULL,
  password_hash TEXT NOT NULL,
  created_at_us BIGINT NOT NULL,
  disabled_at_us BIGINT
);
CREATE TABLE staff_sessions (
  token_hash TEXT PRIMARY KEY,
  name TEXT NOT NULL REFERENCES staff (name),
  created_at_us BIGINT NOT NULL,
  expires_at_us BIGINT NOT NULL
);
CREATE INDEX staff_sessions_expiry ON staff_sessions (expires_at_us);
CREATE TABLE login_failures (
  name TEXT PRIMARY KEY,
  failures BIGINT NOT NULL,
  since_us BIGINT NOT NULL
);

-- The ledger: hash-chained entries that are only ever appended, and the one row that says where it ends.
CREATE TABLE ledger (
  seq BIGINT PRIMARY KEY,
  algorithm TEXT NOT NULL,
  at_us BIGINT NOT NULL,
  actor TEXT NOT NULL,
  kind TEXT NOT NULL,
  subject_type TEXT NOT NULL,
  subject_id TEXT NOT NULL,
  payload TEXT NOT NULL,
  evidence TEXT NOT NULL,
  prev_hash TEXT NOT NULL,
  hash TEXT NOT NULL UNIQUE
);
CREATE INDEX ledger_subject ON ledger (subject_type, subject_id, seq);
CREATE TABLE ledger_head (
  id BIGINT PRIMARY KEY CHECK (id = 1),
  seq BIGINT NOT NULL,
  hash TEXT NOT NULL
);
INSERT INTO ledger_head (id, seq, hash)
VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000');

-- Availability over time, one point per lot and instant.
CREATE TABLE availability_history (
  lot TEXT NOT NULL,
  at_us BIGINT NOT NULL,
  free BIGINT NOT NULL,
  occupied BIGINT NOT NULL,
  unknown BIGINT NOT NULL,
  out_of_service BIGINT NOT NULL,
  capacity BIGINT NOT NULL,
  PRIMARY KEY (lot, at_us)
);

-- Evidence files by content hash; the bytes lie in the evidence store.
CREATE TABLE evidence (
  sha256 TEXT PRIMARY KEY,
  bytes BIGINT NOT NULL,
  width BIGINT NOT NULL,
  height BIGINT NOT NULL,
  media_type TEXT NOT NULL,
  taken_at_us BIGINT,
  stored_at_us BIGINT NOT NULL
);

-- One vehicle's illegal stay.
CREATE TABLE incidents (
  id TEXT PRIMARY KEY,
  state TEXT NOT NULL,
  zone TEXT NOT NULL,
  plate_norm TEXT,
  plate_fold TEXT,
  vehicle_class TEXT NOT NULL,
  first_seen_us BIGINT NOT NULL,
  last_seen_us BIGINT NOT NULL,
  ripe_at_us BIGINT,
  record TEXT,
  version BIGINT NOT NULL
);
CREATE INDEX incidents_state ON incidents (state, last_seen_us, id);
CREATE INDEX incidents_plate ON incidents (plate_norm, zone);
CREATE INDEX incidents_fold ON incidents (plate_fold);

-- One sighting, from a camera or an officer, with its images.
CREATE TABLE captures (
  id TEXT PRIMARY KEY,
  source TEXT NOT NULL,
  source_id TEXT NOT NULL,
  idempotency_key TEXT NOT NULL,
  content_hash TEXT NOT NULL,
  state TEXT NOT NULL,
  plate_raw TEXT,
  plate_norm TEXT,
  plate_fold TEXT,
  plate_color TEXT,
  vehicle_class TEXT NOT NULL,
  at_us BIGINT NOT NULL,
  received_at_us BIGINT NOT NULL,
  lon DOUBLE PRECISION,
  lat DOUBLE PRECISION,
  zone TEXT,
  note TEXT,
  incident TEXT REFERENCES incidents (id),
  UNIQUE (source, source_id, idempotency_key)
);
CREATE INDEX captures_incident ON captures (incident, at_us);
CREATE INDEX captures_plate ON captures (plate_norm, at_us);
CREATE INDEX captures_fold ON captures (plate_fold);
CREATE TABLE capture_images (
  capture TEXT NOT NULL REFERENCES captures (id),
  ordinal BIGINT NOT NULL,
  sha256 TEXT NOT NULL REFERENCES evidence (sha256),
  PRIMARY KEY (capture, ordinal)
);
CREATE INDEX capture_images_sha256 ON capture_images (sha256);

-- Today's state of each record, derived from its ledger entries; `ledger verify` compares the two.
CREATE TABLE records (
  id TEXT PRIMARY KEY,
  number TEXT NOT NULL UNIQUE,
  kind TEXT NOT NULL,
  state TEXT NOT NULL,
  plate_norm TEXT,
  plate_fold TEXT,
  vehicle_class TEXT NOT NULL,
  at_us BIGINT NOT NULL,
  zone TEXT,
  grid_cell TEXT,
  lon DOUBLE PRECISION,
  lat DOUBLE PRECISION,
  reason TEXT NOT NULL,
  note TEXT,
  officer TEXT NOT NULL,
  incident TEXT UNIQUE REFERENCES incidents (id),
  act TEXT,
  legal_basis TEXT,
  evidence TEXT NOT NULL,
  ledger_seq BIGINT NOT NULL
);
CREATE INDEX records_kind ON records (kind, at_us, id);
CREATE INDEX records_at ON records (at_us, id);
CREATE INDEX records_plate ON records (plate_norm, at_us);
CREATE INDEX records_fold ON records (plate_fold);

-- What a program or an officer's phone already sent: the same key again answers the same thing.
CREATE TABLE idempotency (
  actor TEXT NOT NULL,
  idempotency_key TEXT NOT NULL,
  content_hash TEXT NOT NULL,
  subject_type TEXT NOT NULL,
  subject_id TEXT NOT NULL,
  created_at_us BIGINT NOT NULL,
  PRIMARY KEY (actor, idempotency_key)
);
