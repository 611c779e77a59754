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
    created text NOT NULL
);

CREATE TABLE forge.event (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    rev text NOT NULL REFERENCES forge.revision (rev),
    kind text NOT NULL,
    step int,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    run_id text NOT NULL,
    actor text NOT NULL DEFAULT session_user,
    os_user text NOT NULL,
    host text NOT NULL,
    forge_version text NOT NULL,
    git_commit text,
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
SELECT r.rev, r.parents, r.message, e.at AS applied_at, e.actor AS applied_by
FROM forge.revision r
CROSS JOIN LATERAL (
    SELECT v.kind, v.at, v.actor
    FROM forge.event v
    WHERE v.rev = r.rev AND v.kind IN ('applied', 'reverted')
    ORDER BY v.id DESC
    LIMIT 1) e
WHERE e.kind = 'applied';

CREATE VIEW forge.current AS
SELECT a.rev, a.message, a.applied_at, a.applied_by
FROM forge.applied a
WHERE NOT EXISTS (SELECT FROM forge.applied c WHERE a.rev = ANY (c.parents));
