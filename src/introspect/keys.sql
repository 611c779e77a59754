-- The keys of a table: its valid unique indexes over columns that are never null, the primary key first. A table whose rows
-- stand in children of inheritance, too, has keys only for its own.
SELECT k.columns, k.types, c.relkind = 'r' AND EXISTS (
    SELECT FROM pg_inherits h WHERE h.inhparent = c.oid) AS own_rows_only
FROM pg_class c
JOIN pg_index i ON i.indrelid = c.oid
JOIN pg_class ic ON ic.oid = i.indexrelid
JOIN pg_am m ON m.oid = ic.relam
CROSS JOIN LATERAL (
    SELECT array_agg(a.attname::text ORDER BY p.place) AS columns,
           array_agg(format_type(a.atttypid, -1) ORDER BY p.place) AS types,
           bool_and(a.attnotnull) AS never_null
    FROM unnest(i.indkey::int2[]) WITH ORDINALITY AS p (attnum, place)
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = p.attnum
    WHERE p.place <= i.indnkeyatts) k
WHERE c.oid = to_regclass($1)
  AND i.indisunique AND i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL
  AND m.amname = 'btree' AND k.never_null
ORDER BY i.indisprimary DESC, ic.relname
