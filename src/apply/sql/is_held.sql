-- Whether another process holds the lock for itself alone.
SELECT EXISTS (
    SELECT FROM pg_locks l
    JOIN pg_database d ON d.oid = l.database AND d.datname = current_database()
    WHERE l.locktype = 'advisory' AND l.granted AND l.mode = 'ExclusiveLock' AND l.pid <> pg_backend_pid()
      AND l.classid::bigint = $1::text::bigint & 4294967295 AND l.objid::bigint = $2::text::bigint & 4294967295
      AND l.objsubid = 2) AS held
