-- Messages to subscribers, oldest first for each: waiting, sent, or given up (dead). `body` is the JSON that is sent as it stands.
CREATE TABLE webhook_messages (
    id TEXT PRIMARY KEY,
    subscriber TEXT NOT NULL,
    ordinal BIGINT NOT NULL,
    kind TEXT NOT NULL,
    body TEXT NOT NULL,
    state TEXT NOT NULL,
    tries BIGINT NOT NULL,
    next_at_us BIGINT NOT NULL,
    created_at_us BIGINT NOT NULL,
    ended_at_us BIGINT,
    reason TEXT
);
CREATE INDEX webhook_messages_waiting ON webhook_messages (subscriber, state, ordinal);
CREATE INDEX webhook_messages_ended ON webhook_messages (state, ended_at_us);
