-- The standby that is furthest behind, if it is further than the limit. A role that may not see it waits for nobody.
SELECT application_name AS standby, EXTRACT(epoch FROM replay_lag)::float8 AS lag
FROM pg_stat_replication
WHERE replay_lag > make_interval(secs => $1)
ORDER BY replay_lag DESC
LIMIT 1
