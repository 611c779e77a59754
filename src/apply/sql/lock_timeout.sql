-- An autovacuum gives way only to a waiter whose deadlock check runs, after `deadlock_timeout`: wait longer than that.
SELECT set_config('lock_timeout', greatest(2000, setting::int + 500)::text || 'ms', true)
FROM pg_settings
WHERE name = 'deadlock_timeout'
