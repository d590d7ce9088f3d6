-- What a capture's pictures say of themselves that is not what its sender says: words with a space between.
ALTER TABLE captures ADD COLUMN doubts TEXT;
