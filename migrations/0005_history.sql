-- Roll-ups of availability_history. A row holds the sums of the minutes of its slot, so that coarser slots add up exactly.
CREATE INDEX availability_history_at ON availability_history (at_us);
CREATE TABLE availability_quarters (
  lot TEXT NOT NULL,
  at_us BIGINT NOT NULL,
  samples BIGINT NOT NULL,
  free_min BIGINT NOT NULL,
  free_max BIGINT NOT NULL,
  free_sum BIGINT NOT NULL,
  occupied_sum BIGINT NOT NULL,
  unknown_sum BIGINT NOT NULL,
  out_of_service_sum BIGINT NOT NULL,
  capacity_sum BIGINT NOT NULL,
  PRIMARY KEY (lot, at_us)
);
CREATE INDEX availability_quarters_at ON availability_quarters (at_us);
CREATE TABLE availability_hours (
  lot TEXT NOT NULL,
  at_us BIGINT NOT NULL,
  samples BIGINT NOT NULL,
  free_min BIGINT NOT NULL,
  free_max BIGINT NOT NULL,
  free_sum BIGINT NOT NULL,
  occupied_sum BIGINT NOT NULL,
  unknown_sum BIGINT NOT NULL,
  out_of_service_sum BIGINT NOT NULL,
  capacity_sum BIGINT NOT NULL,
  PRIMARY KEY (lot, at_us)
);
CREATE INDEX availability_hours_at ON availability_hours (at_us);
-- Up to where each roll-up is done.
CREATE TABLE history_progress (
  name TEXT PRIMARY KEY,
  until_us BIGINT NOT NULL
);

-- Each move of a space from one state to another; nodes that see the same move write the same row.
CREATE TABLE space_transitions (
  lot TEXT NOT NULL,
  space TEXT NOT NULL,
  at_us BIGINT NOT NULL,
  state TEXT NOT NULL,
  previous TEXT,
  lasted_us BIGINT,
  PRIMARY KEY (lot, space, at_us, state)
);
CREATE INDEX space_transitions_at ON space_transitions (at_us);
