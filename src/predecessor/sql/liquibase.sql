SELECT b.id || ' of ' || b.author AS version
FROM @table@ AS b
ORDER BY b.orderexecuted DESC, b.dateexecuted DESC
LIMIT 1
