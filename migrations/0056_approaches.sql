-- What the counters of each approach said of late: the order of their lanes and the vehicles by slots of ten seconds. Nodes count
-- together: each passage once, whoever receives it.
CREATE TABLE approaches (
  approach TEXT PRIMARY KEY,
  passed TEXT NOT NULL,
  revision BIGINT NOT NULL,
  updated_at_us BIGINT NOT NULL
);

-- Which share of those who pass turn into each lot, as far as it was learned.
CREATE TABLE turning_shares (
  lot TEXT PRIMARY KEY,
  doc TEXT NOT NULL,
  form BIGINT NOT NULL,
  as_of_us BIGINT NOT NULL
);
