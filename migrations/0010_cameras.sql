-- What cameras tell in parts: pictures that came apart from the vehicles they show, and vehicles whose pictures are to come.
CREATE TABLE staged_pictures (
  camera TEXT NOT NULL,
  name TEXT NOT NULL,
  sha256 TEXT NOT NULL REFERENCES evidence (sha256),
  taken_at_us BIGINT,
  staged_at_us BIGINT NOT NULL,
  PRIMARY KEY (camera, name)
);
CREATE INDEX staged_pictures_at ON staged_pictures (staged_at_us);
CREATE TABLE capture_drafts (
  camera TEXT NOT NULL,
  draft_key TEXT NOT NULL,
  said TEXT NOT NULL,
  drafted_at_us BIGINT NOT NULL,
  PRIMARY KEY (camera, draft_key)
);
CREATE INDEX capture_drafts_at ON capture_drafts (drafted_at_us);
CREATE TABLE awaited_pictures (
  camera TEXT NOT NULL,
  name TEXT NOT NULL,
  draft_key TEXT NOT NULL,
  PRIMARY KEY (camera, name, draft_key)
);
