-- Defaults of the columns of tables and views; the expressions of generated columns belong to the column.
SELECT 'pg_attrdef'::regclass::oid AS classid,
       d.oid AS objid,
       0 AS objsubid,
       ARRAY[n.nspname::text, c.relname::text, a.attname::text] AS path,
       'pg_class'::regclass::oid AS parent_classid,
       c.oid AS parent_objid,
       CASE WHEN c.relkind = 'v' THEN 0 ELSE a.attnum::int END AS parent_objsubid,
       pg_get_expr(d.adbin, d.adrelid) AS expression,
       c.relkind = 'v' AS of_view,
       CASE WHEN a.attinhcount > 0 AND NOT a.attislocal THEN
           (SELECT ARRAY['pg_attrdef'::regclass::oid, pd.oid, 0]
            FROM pg_inherits i
            JOIN pg_attribute pa ON pa.attrelid = i.inhparent AND pa.attname = a.attname AND NOT pa.attisdropped
            JOIN pg_attrdef pd ON pd.adrelid = pa.attrelid AND pd.adnum = pa.attnum
            WHERE i.inhrelid = c.oid
            ORDER BY i.inhseqno
            LIMIT 1)
       END AS inherited_from_ref
FROM pg_attrdef d
JOIN pg_class c ON c.oid = d.adrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
WHERE c.relkind IN ('r', 'p', 'v')
  AND c.relpersistence <> 't'
  AND a.attgenerated = ''
  AND n.nspname !~ '^pg_'
  AND n.nspname NOT IN ('information_schema', 'forge')
ORDER BY n.nspname, c.relname, a.attnum
