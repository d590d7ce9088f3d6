-- Which lots are closed because another operator's feed says so: a JSON list of ids for each source of the configuration.
CREATE TABLE feed_sources (
    source TEXT PRIMARY KEY,
    closed TEXT NOT NULL,
    updated_at_us BIGINT NOT NULL
);
