-- Begins a step, or goes on with it.
INSERT INTO forge.backfill AS b (rev, step, relation, end_key, rows_est, run_id, finished)
VALUES ($1, $2, $3, $4, $5, $6, CASE WHEN $4::jsonb IS NULL THEN clock_timestamp() END)
ON CONFLICT (rev, step) DO UPDATE SET
    run_id = excluded.run_id, run_started = clock_timestamp(), run_rows = b.rows_done, heartbeat = clock_timestamp()
RETURNING b.last_key, b.end_key, b.rows_done, b.rows_est, b.paused, b.aborted
