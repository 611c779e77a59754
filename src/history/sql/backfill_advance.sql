-- A batch is done. Nothing is changed if another forge has moved the step meanwhile.
UPDATE forge.backfill SET
    last_key = $4, rows_done = rows_done + $5, rows_written = rows_written + $6, heartbeat = clock_timestamp(),
    finished = CASE WHEN $4 = end_key THEN clock_timestamp() END
WHERE rev = $1 AND step = $2 AND last_key IS NOT DISTINCT FROM $3
RETURNING paused, aborted
