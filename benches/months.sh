#!/usr/bin/env bash
# What a month of minutes costs to write and to forget: in one table, deleted as a node deletes it (six hours of rows a transaction), and
# in a partition a month, dropped. Both in the same run on one PostgreSQL with its disk in earnest; MONTHS_POSTGRES names it.
#   benches/months.sh [ROWS]      5,000,000 unless told otherwise, 20,000,000 at most
set -euo pipefail
here=$(dirname "$0")
rows=${1:-5000000}
[ "$rows" -ge 100000 ] && [ "$rows" -le 20000000 ] || { echo "ROWS is 100000 to 20000000" >&2; exit 2; }
server=${MONTHS_POSTGRES%/*}
minutes=$((28 * 1440))
lots=$((rows / minutes))

ask() { psql "$server/$1" -v ON_ERROR_STOP=1 -qAt "${@:2}"; }
wal() { ask "$1" -c "SELECT pg_current_wal_lsn() - '0/0'"; }

# What a step takes: its name, the database, and what psql is given.
measure() {
  local name=$1 db=$2 began wrote took
  ask "$db" -c CHECKPOINT
  wrote=$(wal "$db") began=$EPOCHREALTIME
  ask "$db" "${@:3}" >/dev/null
  took=$(awk "BEGIN { print $EPOCHREALTIME - $began }")
  printf '%-8s %-42s %9.2f s %9.0f MB of log\n' "$db" "$name" "$took" "$(awk "BEGIN { print ($(wal "$db") - $wrote) / 1e6 }")"
}

# Rows of some days from a day of last month, or of this one, on; a day a statement, in the order of time.
fill() {
  cat <<SQL
SELECT format('INSERT INTO availability_history SELECT ''L'' || lot, minute, lot, 400 - lot, 0, 0, 400
       FROM generate_series(%s::bigint, %s::bigint, 60000000) AS minute, generate_series(1, $lots) AS lot',
       begins, begins + 86340000000)
FROM (SELECT CAST(extract(epoch FROM date_trunc('month', now() AT TIME ZONE 'UTC') $1 + day * INTERVAL '1 day') * 1000000 AS BIGINT)
      AS begins FROM generate_series(0, $2 - 1) AS day) AS days
\gexec
SQL
}

this_month="CAST(extract(epoch FROM date_trunc('month', now() AT TIME ZONE 'UTC')) * 1000000 AS BIGINT)"
last_month="CAST(extract(epoch FROM date_trunc('month', now() AT TIME ZONE 'UTC') - INTERVAL '1 month') * 1000000 AS BIGINT)"
for db in whole months; do
  ask postgres -c "CREATE DATABASE $db"
  ask "$db" -f "$here/../migrations/0001_house.sql" -f "$here/../migrations/0005_history.sql"
done
ask months -1 -f "$here/../migrations/0055_months.postgres.sql" >/dev/null
ask months -c "DROP TABLE availability_history_before" -c "SELECT history_make_months($last_month, 2)" >/dev/null

echo "$((lots * minutes)) rows of last month ($lots lots), and two days of this one: $(ask postgres -c 'SHOW server_version')"
for db in whole months; do
  measure "the rows are written" "$db" -f <(fill "- INTERVAL '1 month'" 28)
  ask "$db" -f <(fill "" 2)
  ask "$db" -c "VACUUM ANALYZE availability_history"
done
size() { printf '%-8s %-42s %9.0f MB\n' "$1" "$2" "$(ask "$1" -c "SELECT sum(pg_total_relation_size(oid)) / 1e6 FROM pg_class WHERE relkind = 'r' AND relname LIKE 'availability\_history%'")"; }
size whole "on disk before"
size months "on disk before"
deletes() {
  echo "SELECT format('DELETE FROM availability_history WHERE at_us < %s', least($last_month + n * 21600000000, $this_month)) FROM generate_series(1, 125) AS n
\gexec"
}
measure "last month is deleted, six hours at a time" whole -f <(deletes)
measure "and vacuumed" whole -c "VACUUM availability_history"
measure "last month is dropped" months -c "SELECT history_drop_month('availability_history', $this_month)"
size whole "on disk after"
size months "on disk after"
left() { ask "$1" -c "SELECT count(*) FROM availability_history"; }
echo "left: $(left whole) rows, $(left months) rows"
[ "$(left whole)" = "$(left months)" ] && [ "$(left whole)" = $((lots * 2880)) ] || { echo "FAIL: not what was to be left" >&2; exit 1; }
