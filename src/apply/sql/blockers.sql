-- Who holds locks on these relations; a prepared transaction has no process.
SELECT l.pid, a.usename::text AS role, a.application_name AS application, string_agg(DISTINCT l.mode, ', ') AS modes,
       EXTRACT(epoch FROM clock_timestamp() - a.xact_start)::bigint AS age
FROM pg_locks l
LEFT JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.granted AND l.pid IS DISTINCT FROM pg_backend_pid()
  AND l.relation IN (SELECT to_regclass(name) FROM unnest($1::text[]) AS name)
GROUP BY l.pid, a.usename, a.application_name, a.xact_start
ORDER BY a.xact_start NULLS FIRST, l.pid
