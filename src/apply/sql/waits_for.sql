-- Whom a process waits for; a prepared transaction has the number zero.
SELECT b.pid, a.usename::text AS role, a.application_name AS application, a.state,
       EXTRACT(epoch FROM clock_timestamp() - a.xact_start)::bigint AS age
FROM (SELECT DISTINCT unnest(pg_blocking_pids($1)) AS pid) AS b
LEFT JOIN pg_stat_activity a ON a.pid = b.pid
ORDER BY a.xact_start NULLS FIRST, b.pid
