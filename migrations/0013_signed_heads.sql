-- Where the ledger ended each day, signed; and how far its tree had grown, so that the next head reads only what came since.
CREATE TABLE signed_heads (
  day TEXT PRIMARY KEY,
  seq BIGINT NOT NULL,
  head TEXT NOT NULL,
  tree TEXT NOT NULL,
  signed_at_us BIGINT NOT NULL
);
