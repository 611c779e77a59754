-- Indexes that no constraint owns, on tables and materialized views. `rest` is the definition behind the table's name, up to
-- the storage parameters.
SELECT 'pg_class'::regclass::oid AS classid,
       i.oid AS objid,
       0 AS objsubid,
       ARRAY[n.nspname::text, i.relname::text] AS path,
       'pg_class'::regclass::oid AS parent_classid,
       t.oid AS parent_objid,
       0 AS parent_objsubid,
       x.indisunique AS "unique",
       i.relkind = 'I' AS partitioned,
       quote_ident(tn.nspname) || '.' || quote_ident(t.relname) AS "table",
       CASE WHEN i.reloptions IS NULL THEN d.body ELSE substring(d.body FROM '^(.+) WITH [(].+[)]$') END AS rest,
       COALESCE(i.reloptions, '{}') AS options,
       d.predicate,
       ts.spcname::text AS tablespace,
       (SELECT array_agg(a.attname::text ORDER BY a.attnum) FROM pg_attribute a WHERE a.attrelid = i.oid) AS columns,
       (x.indnatts - x.indnkeyatts)::int AS included,
       s.whole AS valid,
       s.whole AND NOT x.indisvalid AS broken,
       x.indisclustered AS clustered,
       x.indisreplident AS replica_identity,
       (SELECT array_agg(a.attnum || '=' || a.attstattarget ORDER BY a.attnum)
        FROM pg_attribute a
        WHERE a.attrelid = i.oid AND a.attstattarget >= 0) AS statistics,
       (SELECT ARRAY['pg_class'::regclass::oid, h.inhparent, 0] FROM pg_inherits h WHERE h.inhrelid = i.oid) AS attached_to_ref
FROM pg_index x
JOIN pg_class i ON i.oid = x.indexrelid
JOIN pg_namespace n ON n.oid = i.relnamespace
JOIN pg_class t ON t.oid = x.indrelid
JOIN pg_namespace tn ON tn.oid = t.relnamespace
CROSS JOIN LATERAL (
    SELECT substr(pg_get_indexdef(i.oid),
                  length('CREATE ' || CASE WHEN x.indisunique THEN 'UNIQUE ' ELSE '' END || 'INDEX ' || quote_ident(i.relname)
                         || ' ON ' || CASE WHEN i.relkind = 'I' THEN 'ONLY ' ELSE '' END
                         || quote_ident(tn.nspname) || '.' || quote_ident(t.relname) || ' ') + 1) AS whole,
           pg_get_expr(x.indpred, x.indrelid) AS predicate
) AS w
CROSS JOIN LATERAL (
    SELECT left(w.whole, length(w.whole) - COALESCE(length(' WHERE ' || w.predicate), 0)) AS body, w.predicate
) AS d
CROSS JOIN LATERAL (
    -- A partitioned index with a part on each partition is invalid as long as one of them is.
    SELECT i.relkind = 'i' OR x.indisvalid
           OR (SELECT count(*) FROM pg_inherits p WHERE p.inhparent = t.oid)
              = (SELECT count(*) FROM pg_inherits p WHERE p.inhparent = i.oid) AS whole
) AS s
LEFT JOIN pg_tablespace ts ON ts.oid = i.reltablespace
WHERE t.relkind IN ('r', 'p', 'm')
  AND t.relpersistence <> 't'
  AND n.nspname !~ '^pg_'
  AND n.nspname NOT IN ('information_schema', 'forge')
  AND NOT EXISTS (
      SELECT FROM pg_constraint k WHERE k.conindid = i.oid AND k.contype IN ('p', 'u', 'x'))
ORDER BY n.nspname, i.relname
