-- How far a process is with what the server keeps count of.
SELECT p.phase, p.done, p.total
FROM (
    SELECT c.phase,
           CASE WHEN c.blocks_total > 0 THEN c.blocks_done WHEN c.tuples_total > 0 THEN c.tuples_done ELSE c.lockers_done END AS done,
           CASE WHEN c.blocks_total > 0 THEN c.blocks_total WHEN c.tuples_total > 0 THEN c.tuples_total ELSE c.lockers_total END AS total
    FROM pg_stat_progress_create_index c
    WHERE c.pid = $1
    UNION ALL
    SELECT r.phase, r.heap_blks_scanned, r.heap_blks_total
    FROM pg_stat_progress_cluster r
    WHERE r.pid = $1
    UNION ALL
    SELECT a.phase, a.sample_blks_scanned, a.sample_blks_total
    FROM pg_stat_progress_analyze a
    WHERE a.pid = $1
    UNION ALL
    SELECT 'copying', y.bytes_processed, y.bytes_total
    FROM pg_stat_progress_copy y
    WHERE y.pid = $1) AS p
LIMIT 1
