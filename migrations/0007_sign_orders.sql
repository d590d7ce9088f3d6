-- Orders to signs: what a person has them show above guidance. `signs` is a JSON list of ids, empty for all; times are
-- microseconds since 1970. Who ordered and who withdrew stands in the ledger as well.
CREATE TABLE sign_orders (
    id TEXT PRIMARY KEY,
    signs TEXT NOT NULL,
    panel TEXT,
    priority TEXT NOT NULL,
    mode TEXT NOT NULL,
    text_zh TEXT NOT NULL,
    text_en TEXT NOT NULL,
    is_red BIGINT NOT NULL,
    reason TEXT NOT NULL,
    starts_at_us BIGINT NOT NULL,
    ends_at_us BIGINT NOT NULL,
    ordered_by TEXT NOT NULL,
    ordered_at_us BIGINT NOT NULL,
    withdrawn_at_us BIGINT
);
CREATE INDEX sign_orders_end ON sign_orders (ends_at_us);
