-- The number of a slip that an officer's device printed is the key its record was sent under.
CREATE INDEX idempotency_by_key ON idempotency (idempotency_key);
