-- The run whose process this is, with the revision that it has recorded last.
SELECT e.run_id, e.rev, e.os_user, e.host, e.at
FROM forge.event e
WHERE e.backend_pid = $1 AND (EXTRACT(epoch FROM e.backend_start) * 1000000)::bigint = $2
ORDER BY e.id DESC
LIMIT 1
