-- The steps that go in batches, the newest first; ages by the server's clock.
SELECT rev, step, relation, last_key, rows_done, rows_written, rows_est, paused, aborted,
       finished IS NOT NULL AS finished,
       EXTRACT(epoch FROM clock_timestamp() - heartbeat)::float8 AS silent,
       EXTRACT(epoch FROM heartbeat - run_started)::float8 AS run_seconds,
       rows_done - run_rows AS run_rows
FROM forge.backfill
ORDER BY started DESC, rev, step
