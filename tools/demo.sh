#!/usr/bin/env bash
# The main job from end to end, on the schema of this repository and a private PostgreSQL:
# plan, show, approve, apply, status; a change to the schema; a change behind forge's back, and drift finds it.
#
# Works in a copy of the project, so that the checkout stays as it is and may be read-only.
# FORGE names the program; `make demo` builds and sets it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

forge=${FORGE:?say which forge to run, or run make demo}
[ -x "$forge" ] || { echo "demo: $forge is not there; run make demo" >&2; exit 1; }

# An unprivileged user runs the server when this is root, and has to get at its folder.
work=$(mktemp -d "${TMPDIR:-/tmp}/forge-demo.XXXXXX")
chmod 755 "$work"
trap 'cd / && rm -rf "$work"' EXIT
cp -R schema forge.toml "$work"
cd "$work"
# The demo must not end up at the database of whoever runs it.
unset FORGE_URL FORGE_ENV DATABASE_URL "${!PG@}"
# The commands read as a user types them.
forge() { "$forge" "$@"; }

main() {
    chapter "The project: $(find schema -name '*.sql' | wc -l) files say what the database should be"
    run ls -CR schema
    note "grants go to roles, which belong to the server and not to a schema, so they come first"
    on_server 'CREATE ROLE shop_app NOLOGIN; CREATE ROLE shop_readonly NOLOGIN;'

    chapter "Plan: the steps from an empty database to the files, proved on a throwaway server"
    run forge plan -m "create the shop"
    chapter "Show: what a reviewer reads (the beginning of it)"
    run_head 40 forge show head
    chapter "Approve: from here on the plan is frozen"
    run forge approve --all
    chapter "Apply"
    run forge apply
    run forge status
    done_with "the shop was planned, proved, approved and applied"

    chapter "Somebody changes the schema"
    cp -R schema schema.before
    change_schema
    diff -ruN schema.before schema || true
    chapter "Plan, approve and apply the change, on a table that is in use: what takes long lets reads and writes go on"
    run forge plan -m "let customers return orders and collect points"
    run_head 60 forge show head
    run forge approve --all
    run forge apply
    run forge status
    done_with "a change of the schema was planned, proved, approved and applied"

    chapter "Nothing has drifted so far"
    run forge drift
    chapter "At night, somebody opens every tenant's payments to every other, behind forge's back"
    on_server 'ALTER POLICY tenant_isolation ON app.payments USING (true);'
    chapter "Drift: the nightly job finds it and fails"
    run_expecting 2 forge drift
    done_with "forge drift exited with 2 and named the policy, as it is and as it should be"

    summary
}

change_schema() {
    # A new value of an enum, in its place.
    edit schema/app/types/states.sql "s/'delivered', 'cancelled'/'delivered', 'returned', 'cancelled'/"
    # A new column on a table with rows, a rule for it, and an index.
    edit schema/app/tables/users.sql \
        "s/^    disabled_at timestamptz,$/&\n    points integer NOT NULL DEFAULT 0,/" \
        "s/^    CONSTRAINT users_preferences_is_object/    CONSTRAINT users_points_not_negative CHECK (points >= 0),\n&/" \
        "s/^CREATE INDEX users_home_tenant_idx .*$/&\nCREATE INDEX users_points_idx ON app.users (points DESC) WHERE points > 0;/"
    # A new object: a file more.
    cat >schema/app/views/best_customers.sql <<'SQL'
CREATE VIEW app.best_customers WITH (security_barrier = true) AS
SELECT u.id, u.display_name, u.points
FROM app.users AS u
WHERE u.points > 0
  AND u.home_tenant_id = app.current_tenant();

COMMENT ON VIEW app.best_customers IS 'Whom to thank';

GRANT SELECT ON app.best_customers TO shop_app;
SQL
}

# Edits a file with sed, and fails where the file no longer has what the edit looks for.
edit() {
    local file=$1 change
    shift
    for change in "$@"; do
        sed "$change" "$file" >edited
        ! cmp -s edited "$file" || { echo "demo: nothing in $file matches $change" >&2; exit 1; }
        mv edited "$file"
    done
}

# ── Telling the story ───────────────────────────────────────────────────────────────────────────

bold='' dim='' green='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
    bold=$'\e[1m' dim=$'\e[2m' green=$'\e[32m' plain=$'\e[0m'
fi
# The clock's decimal point is the locale's.
LC_ALL=C.UTF-8
started=$EPOCHREALTIME lap=$EPOCHREALTIME
achieved=()

chapter() { printf '\n%s── %s%s\n' "$bold" "$*" "$plain"; }
note() { printf '%s# %s%s\n' "$dim" "$*" "$plain"; }

run() {
    printf '%s$ %s%s\n' "$dim" "$(quoted "$@")" "$plain"
    "$@"
}

run_head() {
    local lines=$1 output total
    shift
    output=$(run "$@")
    total=$(wc -l <<<"$output")
    head -n "$lines" <<<"$output"
    [ "$total" -le "$lines" ] || note "… and $((total - lines)) lines more"
}

run_expecting() {
    local expected=$1 code=0
    shift
    run "$@" || code=$?
    note "exit code $code"
    [ "$code" -eq "$expected" ] || { echo "demo: expected exit code $expected" >&2; exit 1; }
}

# As anybody with psql would: the server is up, and DATABASE_URL and PG* lead to it, while the command runs.
on_server() { run forge embedded -- psql -X -q -v ON_ERROR_STOP=1 -c "$1"; }

# The command as one would type it, quoted only where it must be.
quoted() {
    local word line=''
    for word in "$@"; do
        [[ $word =~ ^[A-Za-z0-9_./=:-]+$ ]] || word="'${word//\'/\'\\\'\'}'"
        line+="$word "
    done
    printf '%s' "${line% }"
}

seconds_since() { awk -v from="$1" -v to="$EPOCHREALTIME" 'BEGIN { printf "%.1f s", to - from }'; }

done_with() {
    achieved+=("$(printf '%-80s %s' "$1" "$(seconds_since "$lap")")")
    lap=$EPOCHREALTIME
}

summary() {
    chapter "Summary"
    printf "  ${green}✓${plain} %s\n" "${achieved[@]}"
    printf '    %-80s %s\n' "all of it" "$(seconds_since "$started")"
    echo
    echo "  Your turn: forge.toml and schema/ in this folder are a project; \`forge plan\` is where it starts."
}

main
