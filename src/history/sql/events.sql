-- What happened, oldest first.
SELECT id, rev, kind, step, at, run_id, actor, os_user, host, git_commit, fingerprint, backup, sqlstate, error
FROM forge.event
ORDER BY id
