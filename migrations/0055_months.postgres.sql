-- PostgreSQL alone: the histories that grow by the minute stand in one partition a month (UTC), so that what is past is dropped with
-- its month. On SQLite this step is noted and does nothing.
--
-- No row is copied. The table as it was becomes the partition of all that came before: up to the month after next, or up to this month
-- where it is empty. `src/store/months.rs` proves beforehand, while others write, that its rows belong there; without that proof it is
-- read once under the lock. Its keys and indexes are taken over as they are. Rows of times that no month has go to the default
-- partition, so that none is ever refused.
SET LOCAL lock_timeout = '10s';
SELECT set_config('search_path', quote_ident(current_schema()) || ', pg_temp', true);

ALTER TABLE availability_history RENAME TO availability_history_before;
ALTER INDEX availability_history_pkey RENAME TO availability_history_before_pkey;
ALTER INDEX availability_history_at RENAME TO availability_history_before_at;
ALTER TABLE space_transitions RENAME TO space_transitions_before;
ALTER INDEX space_transitions_pkey RENAME TO space_transitions_before_pkey;
ALTER INDEX space_transitions_at RENAME TO space_transitions_before_at;

DO $$
DECLARE
  this TEXT;
  until_us BIGINT;
  has_rows BOOLEAN;
  given RECORD;
BEGIN
  FOREACH this IN ARRAY ARRAY['availability_history', 'space_transitions'] LOOP
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS) PARTITION BY RANGE (at_us)', this, this || '_before');
    EXECUTE format('CREATE TABLE %I PARTITION OF %I DEFAULT', this || '_default', this);
    EXECUTE format('SELECT EXISTS (SELECT FROM %I)', this || '_before') INTO has_rows;
    until_us := extract(epoch FROM date_trunc('month', now() AT TIME ZONE 'UTC')
                + CASE WHEN has_rows THEN INTERVAL '2 months' ELSE INTERVAL '0' END) * 1000000;
    -- Rows of a clock that was far ahead are no rows of before.
    EXECUTE format('WITH ahead AS (DELETE FROM %I WHERE at_us >= %s RETURNING *) INSERT INTO %I SELECT * FROM ahead',
                   this || '_before', until_us, this);
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (MINVALUE) TO (%s)', this, this || '_before', until_us);
    EXECUTE format('ALTER TABLE %I DROP CONSTRAINT IF EXISTS months_before', this || '_before');
    -- Whoever could read and write the table can do so now.
    FOR given IN SELECT * FROM pg_class, aclexplode(relacl) WHERE oid = to_regclass(this || '_before') AND grantee <> relowner LOOP
      EXECUTE format('GRANT %s ON %I TO %s', given.privilege_type, this,
                     CASE WHEN given.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(given.grantee)) END);
    END LOOP;
  END LOOP;
END
$$;

ALTER TABLE availability_history ADD PRIMARY KEY (lot, at_us);
CREATE INDEX availability_history_at ON availability_history (at_us);
ALTER TABLE space_transitions ADD PRIMARY KEY (lot, space, at_us, state);
CREATE INDEX space_transitions_at ON space_transitions (at_us);

-- The partitions of each history and what they hold: from `from_us` on (NULL: from the beginning) and before `until_us` (NULL: the
-- default, which holds what no other does).
CREATE VIEW history_months AS
SELECT CAST(whole.relname AS TEXT) AS history, CAST(part.relname AS TEXT) AS name,
       CAST(substring(bound.told FROM 'FROM \(''?(-?[0-9]+)''?\)') AS BIGINT) AS from_us,
       CAST(substring(bound.told FROM 'TO \(''?(-?[0-9]+)''?\)') AS BIGINT) AS until_us
FROM pg_inherits
JOIN pg_class part ON part.oid = pg_inherits.inhrelid
JOIN pg_class whole ON whole.oid = pg_inherits.inhparent
CROSS JOIN LATERAL (SELECT pg_get_expr(part.relpartbound, part.oid) AS told) bound
WHERE whole.oid IN (CAST('availability_history' AS regclass), CAST('space_transitions' AS regclass));

-- Makes the partitions of the month an instant lies in and of `ahead` more, where there are none; how many were made. One of several
-- that ask at once does it, and the others pass. Nobody waits long for a lock: who may not have it asks again later.
CREATE FUNCTION history_make_months(instant_us BIGINT, ahead BIGINT) RETURNS BIGINT
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET lock_timeout = '1500ms' AS $$
DECLARE
  this TEXT;
  part TEXT;
  begins TIMESTAMP;
  first_us BIGINT;
  next_us BIGINT;
  strays BIGINT;
  made BIGINT := 0;
BEGIN
  IF NOT pg_try_advisory_xact_lock(CAST('availability_history' AS regclass)::oid::bigint) THEN
    RETURN 0;
  END IF;
  FOREACH this IN ARRAY ARRAY['availability_history', 'space_transitions'] LOOP
    FOR n IN 0..least(ahead, 12) LOOP
      begins := date_trunc('month', to_timestamp(instant_us / 1000000) AT TIME ZONE 'UTC') + n * INTERVAL '1 month';
      first_us := extract(epoch FROM begins) * 1000000;
      next_us := extract(epoch FROM begins + INTERVAL '1 month') * 1000000;
      CONTINUE WHEN EXISTS (SELECT FROM history_months month WHERE month.history = this AND month.until_us > first_us
                            AND coalesce(month.from_us, first_us) < next_us);
      part := this || to_char(begins, '_YYYY_MM');
      EXECUTE format('LOCK TABLE ONLY %I IN SHARE UPDATE EXCLUSIVE MODE', this);
      EXECUTE format('LOCK TABLE %I IN ACCESS EXCLUSIVE MODE', this || '_default');
      EXECUTE format('SELECT count(*) FROM (SELECT FROM %I WHERE at_us >= %s AND at_us < %s LIMIT 10001) stray',
                     this || '_default', first_us, next_us) INTO strays;
      -- Too many to be moved while others wait: this month stays where it is, and goes row by row.
      CONTINUE WHEN strays > 10000;
      EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', part, this);
      EXECUTE format('WITH stray AS (DELETE FROM %I WHERE at_us >= %s AND at_us < %s RETURNING *) INSERT INTO %I SELECT * FROM stray',
                     this || '_default', first_us, next_us, part);
      EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%s) TO (%s)', this, part, first_us, next_us);
      made := made + 1;
    END LOOP;
  END LOOP;
  RETURN made;
END
$$;

-- Drops the oldest partition of a history whose rows are all before an instant; how many were dropped, one or none.
CREATE FUNCTION history_drop_month(wanted TEXT, before_us BIGINT) RETURNS BIGINT
LANGUAGE plpgsql SECURITY DEFINER SET search_path FROM CURRENT SET lock_timeout = '1500ms' AS $$
DECLARE
  part TEXT;
BEGIN
  IF NOT pg_try_advisory_xact_lock(CAST('availability_history' AS regclass)::oid::bigint) THEN
    RETURN 0;
  END IF;
  SELECT month.name INTO part FROM history_months month WHERE month.history = wanted AND month.until_us <= before_us
  ORDER BY month.until_us LIMIT 1;
  IF part IS NULL THEN
    RETURN 0;
  END IF;
  EXECUTE format('DROP TABLE %I', part);
  RETURN 1;
END
$$;

-- They act as the owner of the tables: for those alone who may delete the rows anyway.
REVOKE ALL ON FUNCTION history_make_months(BIGINT, BIGINT), history_drop_month(TEXT, BIGINT) FROM PUBLIC;
DO $$
DECLARE
  given RECORD;
BEGIN
  FOR given IN
    SELECT DISTINCT grantee FROM pg_class, aclexplode(relacl)
    WHERE oid = CAST('space_transitions' AS regclass) AND privilege_type = 'DELETE' AND grantee NOT IN (0, relowner)
  LOOP
    EXECUTE format('GRANT EXECUTE ON FUNCTION history_make_months(BIGINT, BIGINT), history_drop_month(TEXT, BIGINT) TO %I',
                   pg_get_userbyid(given.grantee));
    EXECUTE format('GRANT SELECT ON history_months TO %I', pg_get_userbyid(given.grantee));
  END LOOP;
END
$$;

SELECT history_make_months(CAST(extract(epoch FROM now()) * 1000000 AS BIGINT), 2);
SET LOCAL search_path TO DEFAULT;
SET LOCAL lock_timeout TO DEFAULT;
