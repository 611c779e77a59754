-- A repeatable migration has no version.
SELECT b.version::text AS version
FROM @table@ AS b
WHERE b.success AND b.version IS NOT NULL
ORDER BY b.installed_rank DESC
LIMIT 1
