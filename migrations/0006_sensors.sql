-- What devices said, each statement once: told apart by who carried it, the device, its session, its frame counter, and the
-- place in the frame.
CREATE TABLE sensor_events (
  source TEXT NOT NULL,
  device TEXT NOT NULL,
  session TEXT NOT NULL,
  f_cnt BIGINT NOT NULL,
  idx BIGINT NOT NULL,
  at_us BIGINT NOT NULL,
  device_at_us BIGINT,
  received_at_us BIGINT NOT NULL,
  lot TEXT NOT NULL,
  space TEXT,
  kind TEXT NOT NULL,
  reading TEXT NOT NULL,
  occupied BIGINT,
  standing TEXT NOT NULL,
  missed BIGINT NOT NULL,
  f_port BIGINT,
  frame TEXT NOT NULL,
  PRIMARY KEY (source, device, session, f_cnt, idx)
);
CREATE INDEX sensor_events_device ON sensor_events (device, at_us);
CREATE INDEX sensor_events_received ON sensor_events (received_at_us);

-- How each sensor is, as far as what it said tells; nodes merge what they heard into one memory.
CREATE TABLE sensor_health (
  sensor TEXT PRIMARY KEY,
  memory TEXT NOT NULL,
  revision BIGINT NOT NULL,
  updated_at_us BIGINT NOT NULL
);
CREATE INDEX sensor_health_updated ON sensor_health (updated_at_us);

-- Whether each gateway is there, by its own word or its last will.
CREATE TABLE gateways (
  id TEXT PRIMARY KEY,
  is_online BIGINT NOT NULL,
  at_us BIGINT NOT NULL
);
