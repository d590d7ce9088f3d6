-- Every plate that was captured or recorded, once, and the keys under which it is found when it was misread.
CREATE TABLE plates (
  id BIGINT PRIMARY KEY,
  norm TEXT NOT NULL UNIQUE,
  entries BIGINT NOT NULL,
  last_us BIGINT NOT NULL
);
CREATE INDEX plates_last ON plates (last_us);
CREATE TABLE plate_keys (
  lookup_key BIGINT NOT NULL,
  plate BIGINT NOT NULL REFERENCES plates (id),
  PRIMARY KEY (lookup_key, plate)
);
-- How far the plates that were there before have been entered: the greatest one, in order of text; `done` when all are.
CREATE TABLE plates_entered (
  id BIGINT PRIMARY KEY CHECK (id = 1),
  up_to TEXT NOT NULL,
  done BIGINT NOT NULL
);
INSERT INTO plates_entered (id, up_to, done) VALUES (1, '', 0);
