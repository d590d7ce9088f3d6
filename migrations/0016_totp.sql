-- The second factor of a sign-in, for those who have one: its secret, and the last step whose code was used.
ALTER TABLE staff ADD COLUMN totp_secret TEXT;
ALTER TABLE staff ADD COLUMN totp_last BIGINT;
