-- One event.
INSERT INTO forge.event (
    rev, kind, step, run_id, os_user, host, forge_version, git_commit, ci_run, duration_ms, sqlstate, error, fingerprint,
    backup, backend_start)
SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, a.backend_start
FROM pg_stat_get_activity(pg_backend_pid()) a
RETURNING id
