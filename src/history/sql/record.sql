-- One event. Which process of the server wrote it is known from its login: another role can't see it.
INSERT INTO forge.event (
    rev, kind, step, run_id, os_user, host, forge_version, git_commit, ci_run, duration_ms, sqlstate, error, fingerprint,
    backup, backend_start)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, timestamptz 'epoch' + $15::bigint * interval '1 microsecond')
RETURNING id
