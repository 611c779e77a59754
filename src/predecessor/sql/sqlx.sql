SELECT max(b.version)::text AS version FROM @table@ AS b WHERE b.success HAVING count(*) > 0
