-- When somebody walked a cell.
CREATE TABLE patrols (
  id TEXT PRIMARY KEY,
  cell TEXT NOT NULL,
  person TEXT NOT NULL,
  at_us BIGINT NOT NULL
);
CREATE INDEX patrols_cell ON patrols (cell, at_us);
