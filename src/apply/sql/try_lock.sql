-- Polled, never waited for: a blocked waiter and CREATE INDEX CONCURRENTLY of the holder would be a deadlock.
SELECT pg_try_advisory_lock($1, $2) AS taken
