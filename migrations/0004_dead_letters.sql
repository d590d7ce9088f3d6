-- Refused messages, for looking at and for replaying after a fix. One row a message; the same one again raises its count.
CREATE TABLE dead_letters (
    id TEXT PRIMARY KEY,
    topic TEXT NOT NULL,
    source TEXT NOT NULL,
    kind TEXT NOT NULL,
    reason TEXT NOT NULL,
    payload TEXT NOT NULL,
    payload_bytes BIGINT NOT NULL,
    is_whole BIGINT NOT NULL,
    first_at_us BIGINT NOT NULL,
    received_at_us BIGINT NOT NULL,
    seen BIGINT NOT NULL,
    replayed_at_us BIGINT
);
CREATE INDEX dead_letters_received ON dead_letters (received_at_us);
CREATE INDEX dead_letters_source ON dead_letters (source, received_at_us);
