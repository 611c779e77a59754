-- What forge keeps in a target. `event` is append-only; which revisions are applied follows from it.
CREATE SCHEMA IF NOT EXISTS forge;

COMMENT ON SCHEMA forge IS 'what forge has applied here; format 1';

CREATE TABLE forge.revision (
    rev text PRIMARY KEY,
    parents text[] NOT NULL,
    depends_on text[] NOT NULL,
    labels text[] NOT NULL,
    message text NOT NULL,
    body text NOT NULL,
    down_body text,
    sha256 text NOT NULL,
    from_fp text NOT NULL,
    to_fp text NOT NULL,
    author text NOT NULL,
    approved_by text NOT NULL,
    approved_at text NOT NULL,
    created text NOT NULL,
    semver text NOT NULL
);

CREATE TABLE forge.event (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rev text NOT NULL REFERENCES forge.revision (rev),
    kind text NOT NULL,
    step int,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    run_id text NOT NULL,
    actor text NOT NULL DEFAULT session_user,
    role text NOT NULL DEFAULT current_user,
    os_user text NOT NULL,
    host text NOT NULL,
    forge_version text NOT NULL,
    git_commit text,
    ci_run text,
    duration_ms bigint,
    sqlstate text,
    error text,
    fingerprint text,
    backup text,
    backend_pid int NOT NULL DEFAULT pg_backend_pid(),
    backend_start timestamptz
);

CREATE TABLE forge.snapshot (
    event bigint PRIMARY KEY REFERENCES forge.event (id),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    fingerprint text NOT NULL,
    catalog bytea NOT NULL
);

COMMENT ON TABLE forge.snapshot IS 'the catalog as the last revision left it: JSON, gzip';

CREATE VIEW forge.applied AS
SELECT r.rev, r.parents, r.message, r.semver, e.at AS applied_at, e.actor AS applied_by, e.kind = 'stamped' AS stamped
FROM forge.revision r
CROSS JOIN LATERAL (
    SELECT v.id, v.kind, v.at, v.actor
    FROM forge.event v
    WHERE v.rev = r.rev AND v.kind IN ('applied', 'reverted', 'stamped', 'unstamped')
    ORDER BY v.id DESC
    LIMIT 1) e
WHERE e.kind IN ('applied', 'stamped');

CREATE VIEW forge.current AS
SELECT a.rev, a.message, a.semver, a.applied_at, a.applied_by
FROM forge.applied a
WHERE NOT EXISTS (SELECT FROM forge.applied c WHERE a.rev = ANY (c.parents));

CREATE VIEW forge.schema_version AS
SELECT a.semver AS version, a.applied_at, a.message AS description
FROM forge.applied a;

COMMENT ON VIEW forge.schema_version IS 'the schema''s semantic versions, each from when it was applied';
