-- A forge that waits is alive.
UPDATE forge.backfill SET heartbeat = clock_timestamp()
WHERE rev = $1 AND step = $2
RETURNING paused, aborted
