SELECT b.migration_name::text AS version
FROM @table@ AS b
WHERE b.finished_at IS NOT NULL AND b.rolled_back_at IS NULL
ORDER BY b.started_at DESC
LIMIT 1
