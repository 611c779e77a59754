-- Readers of the state don't disturb each other.
SELECT pg_try_advisory_lock_shared($1, $2) AS taken
