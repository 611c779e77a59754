-- A dirty version is one whose migration failed half way.
SELECT b.version::text || CASE WHEN b.dirty THEN ' (dirty)' ELSE '' END AS version FROM @table@ AS b ORDER BY b.version
