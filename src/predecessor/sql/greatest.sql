SELECT max(b.version)::text AS version FROM @table@ AS b HAVING count(*) > 0
