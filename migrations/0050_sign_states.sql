-- What the node that drives a sign knows of it, for the nodes that do not: JSON under the token of the lease it drives under.
-- A row is replaced only under the same token or a higher one, so that a node whose lease is over changes nothing.
CREATE TABLE sign_states (
    sign_id TEXT PRIMARY KEY,
    token BIGINT NOT NULL,
    revision BIGINT NOT NULL,
    node TEXT NOT NULL,
    doc TEXT NOT NULL,
    kept_at_us BIGINT NOT NULL
);
-- What a screen said it shows to a node that does not drive it.
CREATE TABLE sign_words (
    sign_id TEXT NOT NULL,
    panel_id TEXT NOT NULL,
    version BIGINT NOT NULL,
    said_at_us BIGINT NOT NULL,
    PRIMARY KEY (sign_id, panel_id)
);
