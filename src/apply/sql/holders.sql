-- Who holds the lock.
SELECT l.pid, (EXTRACT(epoch FROM a.backend_start) * 1000000)::bigint AS since, a.usename::text AS role,
       a.application_name AS application, coalesce(host(a.client_addr), 'this server''s machine') AS address,
       EXTRACT(epoch FROM clock_timestamp() - a.backend_start)::bigint AS age, a.state,
       EXTRACT(epoch FROM clock_timestamp() - a.state_change)::bigint AS state_age
FROM pg_locks l
JOIN pg_database d ON d.oid = l.database AND d.datname = current_database()
LEFT JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.locktype = 'advisory' AND l.granted AND l.pid <> pg_backend_pid()
  AND l.classid::bigint = $1::int::bigint & 4294967295 AND l.objid::bigint = $2::int::bigint & 4294967295 AND l.objsubid = 2
ORDER BY l.pid
