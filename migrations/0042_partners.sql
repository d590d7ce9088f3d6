-- What partners are told, in order; nothing is given up, and a partner acknowledges each by its id. The log holds every try.
CREATE TABLE partner_messages (
  partner TEXT NOT NULL,
  ordinal BIGINT NOT NULL,
  id TEXT NOT NULL UNIQUE,
  matter TEXT NOT NULL,
  body TEXT NOT NULL,
  state TEXT NOT NULL,
  tries BIGINT NOT NULL,
  next_at_us BIGINT NOT NULL,
  created_at_us BIGINT NOT NULL,
  sent_at_us BIGINT,
  reason TEXT,
  PRIMARY KEY (partner, ordinal)
);
CREATE INDEX partner_messages_waiting ON partner_messages (partner, state, ordinal);
CREATE TABLE partner_tries (
  id TEXT PRIMARY KEY,
  partner TEXT NOT NULL,
  message TEXT NOT NULL,
  at_us BIGINT NOT NULL,
  outcome TEXT NOT NULL,
  detail TEXT
);
CREATE INDEX partner_tries_at ON partner_tries (partner, at_us);
