-- Who may speak at the broker: a name, what it speaks for, and the hash of its password in the form Mosquitto reads.
CREATE TABLE mqtt_devices (
  name TEXT PRIMARY KEY,
  -- What it speaks for, as words apart by blanks: lot:L1 sign:SIGN-1.
  speaks_for TEXT NOT NULL,
  password_hash TEXT NOT NULL,
  made_at_us BIGINT NOT NULL,
  rotated_at_us BIGINT,
  revoked_at_us BIGINT
);
