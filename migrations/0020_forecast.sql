-- What the forecast has learned: a document a lot, and one of all lots together under the empty name. They are written in one
-- transaction as of one instant, so that a node that starts learns only what came after it.
CREATE TABLE forecast_models (
  lot TEXT PRIMARY KEY,
  doc TEXT NOT NULL,
  form BIGINT NOT NULL,
  as_of_us BIGINT NOT NULL
);
