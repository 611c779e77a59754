-- A migration that was taken back has a later row that says so, or none any more. The row of version 0 is the beginning.
SELECT l.version_id::text AS version
FROM (SELECT DISTINCT ON (b.version_id) b.version_id, b.is_applied FROM @table@ AS b ORDER BY b.version_id, b.id DESC) AS l
WHERE l.is_applied AND l.version_id > 0
ORDER BY l.version_id DESC
LIMIT 1
