#!/usr/bin/env bash
# What a backfill in batches costs, and what it spares everybody else, beside one plain UPDATE of the same rows.
#
#   FORGE=target/release/forge PGHOST=… PGPORT=… PGUSER=… benches/backfill.sh [rows] [batch size] [pause]
#
# It makes a table of so many rows (5000000) in a database of its own, which it drops, and fills a column of it
#   - by one UPDATE,
#   - by `forge apply` in batches of so many rows (10000),
#   - both again beside a session that updates rows at random, one in a transaction, about a hundred times a second, and
#     notes the longest time that one took; another looks every 2 ms whether anybody holds ACCESS EXCLUSIVE on the table,
#   - by a `forge apply` that is killed with -9 ten times at random moments and begun again,
#   - by both once more while another session asks for ACCESS EXCLUSIVE on the table every two seconds, and notes how long
#     it waited.
# Each row counts how often it was filled: that shows whether one was left out or written twice.
#
# It needs psql, createdb and dropdb of the server's version, and a `forge` that can start a shadow server.

set -euo pipefail

ROWS=${1:-5000000}
SIZE=${2:-10000}
PAUSE=${3:-}
FORGE=$(realpath "${FORGE:-target/release/forge}")
NAME=forge_bench_$$
WORK=$(mktemp -d)
export PGDATABASE=$NAME PGOPTIONS='-c client_min_messages=warning'
# It would name another database than the one that is made here.
unset DATABASE_URL

sql() { psql -X -q -v ON_ERROR_STOP=1 -Atc "$1"; }
now() { date +%s.%N; }
since() { echo "$1 $(now)" | awk '{ printf "%.1f", $2 - $1 }'; }

clean() {
    for name in "$NAME" "${NAME}_base"; do dropdb --if-exists --force "$name" || true; done
    rm -rf "$WORK"
}
trap clean EXIT

# The project, the table, and a plan whose one step is the backfill.
prepare() {
    createdb "$NAME"
    mkdir -p "$WORK/schema" "$WORK/plans"
    cat > "$WORK/forge.toml" <<TOML
[project]
default_environment = "bench"

[managed]
include = ["app"]

[environments.bench]
url = "postgresql://$PGUSER@/$NAME?host=$PGHOST&port=$PGPORT"
TOML
    cat > "$WORK/schema/app.sql" <<SQL
CREATE SCHEMA app;
CREATE TABLE app.users (
    id bigint PRIMARY KEY,
    name text NOT NULL,
    touched integer NOT NULL DEFAULT 0,
    full_name text,
    filled integer NOT NULL DEFAULT 0
);
SQL
    cd "$WORK"
    "$FORGE" -q plan -m "create the users"
    "$FORGE" -q approve --all
    "$FORGE" -q apply --yes
    sql "INSERT INTO app.users (id, name) SELECT g, 'user number ' || g FROM generate_series(1, $ROWS) AS g"
    "$FORGE" -q plan --empty -m "give everybody a full name"
    local plan
    plan=$(ls plans/*give_everybody*.sql | grep -v down)
    cat >> "$plan" <<PLAN

-- forge:data table app.users
-- lock: RowExclusive on app.users
-- forge:batch key=id size=$SIZE${PAUSE:+ pause=$PAUSE}
$FILL;
PLAN
    "$FORGE" -q approve --all
    psql -X -q -v ON_ERROR_STOP=1 <<'SQL'
CREATE SCHEMA bench;
CREATE TABLE bench.stop (now boolean);
CREATE TABLE bench.longest (what text PRIMARY KEY, ms numeric, times bigint);

CREATE PROCEDURE bench.write() LANGUAGE plpgsql AS $$
DECLARE
    rows bigint := (SELECT max(id) FROM app.users);
    chosen bigint;
    began timestamptz;
    took numeric;
    longest numeric := 0;
    times bigint := 0;
BEGIN
    WHILE NOT EXISTS (SELECT FROM bench.stop) LOOP
        COMMIT;
        chosen := 1 + floor(random() * rows)::bigint;
        began := clock_timestamp();
        UPDATE app.users SET touched = touched + 1 WHERE id = chosen;
        COMMIT;
        took := EXTRACT(epoch FROM clock_timestamp() - began) * 1000;
        longest := greatest(longest, took);
        times := times + 1;
        PERFORM pg_sleep(0.01);
    END LOOP;
    INSERT INTO bench.longest VALUES ('update of a row', longest, times);
END $$;

CREATE PROCEDURE bench.watch() LANGUAGE plpgsql AS $$
DECLARE
    began timestamptz;
    longest numeric := 0;
    times bigint := 0;
BEGIN
    WHILE NOT EXISTS (SELECT FROM bench.stop) LOOP
        COMMIT;
        IF EXISTS (SELECT FROM pg_locks WHERE relation = 'app.users'::regclass AND mode = 'AccessExclusiveLock' AND granted) THEN
            IF began IS NULL THEN
                began := clock_timestamp();
                times := times + 1;
            END IF;
            longest := greatest(longest, EXTRACT(epoch FROM clock_timestamp() - began) * 1000);
        ELSE
            began := NULL;
        END IF;
        PERFORM pg_sleep(0.002);
    END LOOP;
    INSERT INTO bench.longest VALUES ('access exclusive held', longest, times);
END $$;

CREATE PROCEDURE bench.demand() LANGUAGE plpgsql AS $$
DECLARE
    began timestamptz;
    longest numeric := 0;
    times bigint := 0;
BEGIN
    WHILE NOT EXISTS (SELECT FROM bench.stop) LOOP
        COMMIT;
        began := clock_timestamp();
        LOCK TABLE app.users IN ACCESS EXCLUSIVE MODE;
        longest := greatest(longest, EXTRACT(epoch FROM clock_timestamp() - began) * 1000);
        COMMIT;
        times := times + 1;
        PERFORM pg_sleep(2);
    END LOOP;
    INSERT INTO bench.longest VALUES ('wait for access exclusive', longest, times);
END $$;
SQL
    sql "VACUUM (ANALYZE, FREEZE) app.users"
    sql "CHECKPOINT"
    createdb -T "$NAME" "${NAME}_base"
}

FILL="UPDATE app.users SET full_name = 'Mr or Ms ' || name, filled = filled + 1"

# The table as it was made.
afresh() {
    dropdb --force "$NAME"
    createdb -T "${NAME}_base" "$NAME"
    sql CHECKPOINT
}

# Runs a command with the sessions that measure beside it: `measure <title> <procedures> -- <command>`.
measure() {
    local title=$1 others=() pids=()
    shift
    while [ "$1" != -- ]; do others+=("$1"); shift; done
    shift
    afresh
    for procedure in "${others[@]}"; do
        psql -X -q -c "CALL bench.$procedure()" &
        pids+=($!)
    done
    local began took
    began=$(now)
    "$@" > "$WORK/log" 2>&1 || { cat "$WORK/log"; exit 1; }
    took=$(since "$began")
    sql "INSERT INTO bench.stop VALUES (true)"
    wait "${pids[@]}"
    echo "## $title"
    echo "$took s, $(echo "$ROWS $took" | awk '{ printf "%d", $1 / $2 }') rows/s"
    sql "SELECT what || ': ' || round(ms, 1) || ' ms at the longest, ' || times || ' times' FROM bench.longest ORDER BY 1"
    check
}

check() {
    sql "SELECT 'rows filled ' || filled || ' times: ' || count(*) FROM app.users GROUP BY filled ORDER BY filled"
}

killed() {
    afresh
    echo "## killed ten times"
    local began kills=0 pid
    began=$(now)
    while [ $kills -lt 10 ]; do
        "$FORGE" -q apply --yes > "$WORK/log" 2>&1 &
        pid=$!
        sleep "$(awk -v seed=$RANDOM -v rows="$ROWS" 'BEGIN { srand(seed); printf "%.2f", 0.3 + rand() * rows / 2500000 }')"
        if ! kill -9 $pid 2> /dev/null; then
            wait $pid || cat "$WORK/log"
            break
        fi
        wait $pid 2> /dev/null || true
        kills=$((kills + 1))
        echo "kill $kills behind row $(sql "SELECT COALESCE(max(rows_done), 0) FROM forge.backfill")"
    done
    "$FORGE" apply --yes 2>&1 | grep -E 'rows of|✓|✗' || true
    echo "$(since "$began") s with $kills kills"
    check
    sql "SELECT 'noted: ' || rows_done || ' rows passed, ' || rows_written || ' written' FROM forge.backfill"
}

prepare
echo "$ROWS rows, batches of $SIZE${PAUSE:+, pauses of $PAUSE}, $(sql 'SELECT version()' | cut -d, -f1), fsync $(sql 'SHOW fsync'), $(nproc) cores"
sql "SELECT 'the table: ' || pg_size_pretty(pg_total_relation_size('app.users'))"
measure "one UPDATE, nobody beside it" -- psql -X -q -c "$FILL"
measure "in batches, nobody beside it" -- "$FORGE" -q apply --yes
measure "one UPDATE" write watch -- psql -X -q -c "$FILL"
measure "in batches" write watch -- "$FORGE" -q apply --yes
killed
measure "one UPDATE, and another session wants the table for itself" demand -- psql -X -q -c "$FILL"
measure "in batches, and another session wants the table for itself" demand -- "$FORGE" -q apply --yes
