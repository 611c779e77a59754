-- One row for each head.
SELECT b.version_num::text AS version FROM @table@ AS b ORDER BY b.version_num
