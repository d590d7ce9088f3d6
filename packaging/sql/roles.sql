-- Three roles of least right for Yunpark on PostgreSQL 14 or newer. Run it as a superuser in Yunpark's database, before the first
-- migration and again after each; running it twice changes nothing:
--
--   sudo -u postgres psql -d yunpark -f roles.sql
--
--   yunpark_owner    owns the tables and changes them: `yunpark migrate`, `yunpark restore`
--   yunpark_node     the service: reads and writes rows; may not alter a table, nor change or drop what stands in the ledger
--   yunpark_reader   auditors and reports: reads, but no password, session or second factor
--
-- Passwords are given with `\password yunpark_node` and so on; until then the roles sign in by the system's user alone, or not at all.
\set ON_ERROR_STOP on

BEGIN;

DO $$
DECLARE
  role TEXT;
BEGIN
  FOREACH role IN ARRAY ARRAY['yunpark_owner', 'yunpark_node', 'yunpark_reader'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role) THEN
      EXECUTE format('CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION', role);
    END IF;
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), role);
  END LOOP;
  EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
END
$$;

-- The schema and all that is in it belong to the owner; nobody else makes anything there.
REVOKE ALL ON SCHEMA public FROM PUBLIC;
ALTER SCHEMA public OWNER TO yunpark_owner;
GRANT USAGE ON SCHEMA public TO yunpark_node, yunpark_reader;

DO $$
DECLARE
  name TEXT;
BEGIN
  FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tableowner <> 'yunpark_owner'
              UNION ALL SELECT viewname FROM pg_views WHERE schemaname = 'public' AND viewowner <> 'yunpark_owner' LOOP
    EXECUTE format('ALTER TABLE public.%I OWNER TO yunpark_owner', name);
  END LOOP;
END
$$;

-- What a later migration makes is granted as most tables are, until this file has run again.
ALTER DEFAULT PRIVILEGES FOR ROLE yunpark_owner IN SCHEMA public
  GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO yunpark_node;

REVOKE ALL ON ALL TABLES IN SCHEMA public FROM PUBLIC, yunpark_node, yunpark_reader;
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO yunpark_node;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO yunpark_reader;

DO $$
DECLARE
  name TEXT;
BEGIN
  -- Written once and never changed: the ledger, what it rests on, the signed heads, versions of settings.
  FOREACH name IN ARRAY ARRAY['ledger', 'signed_heads', 'evidence', 'record_evidence', 'capture_images', 'settings'] LOOP
    IF to_regclass('public.' || name) IS NOT NULL THEN
      EXECUTE format('REVOKE UPDATE, DELETE ON public.%I FROM yunpark_node', name);
    END IF;
  END LOOP;
  -- Changed, but never dropped by the service.
  FOREACH name IN ARRAY ARRAY['ledger_head', 'records', 'captures', 'incidents', 'appeals', 'petitions', 'matters',
                              'matter_reports', 'permits', 'plates', 'staff', 'mqtt_devices'] LOOP
    IF to_regclass('public.' || name) IS NOT NULL THEN
      EXECUTE format('REVOKE DELETE ON public.%I FROM yunpark_node', name);
    END IF;
  END LOOP;
  -- Nobody but the owner makes or drops a table. The months of two histories are made and dropped by two functions that act as the
  -- owner and touch nothing else: what a month holds the service may delete anyway.
  FOREACH name IN ARRAY ARRAY['history_make_months(bigint, bigint)', 'history_drop_month(text, bigint)'] LOOP
    IF to_regprocedure('public.' || name) IS NOT NULL THEN
      EXECUTE format('ALTER FUNCTION public.%s OWNER TO yunpark_owner', name);
      EXECUTE format('REVOKE ALL ON FUNCTION public.%s FROM PUBLIC, yunpark_reader', name);
      EXECUTE format('GRANT EXECUTE ON FUNCTION public.%s TO yunpark_node', name);
    END IF;
  END LOOP;
  -- Which migrations there were is the owner's to say.
  IF to_regclass('public._sqlx_migrations') IS NOT NULL THEN
    REVOKE INSERT, UPDATE, DELETE ON public._sqlx_migrations FROM yunpark_node;
  END IF;
  -- By whom and how one signs in is nothing a report needs.
  FOREACH name IN ARRAY ARRAY['staff', 'staff_sessions', 'login_failures', 'mqtt_devices'] LOOP
    IF to_regclass('public.' || name) IS NOT NULL THEN
      EXECUTE format('REVOKE ALL ON public.%I FROM yunpark_reader', name);
    END IF;
  END LOOP;
  IF to_regclass('public.staff') IS NOT NULL THEN
    GRANT SELECT (name, role, created_at_us, disabled_at_us) ON public.staff TO yunpark_reader;
  END IF;
END
$$;

COMMIT;
