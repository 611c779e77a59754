-- Materialized views.
-- Options whose names begin with `pg_` are the server's own: 15.20 and 17.12 keep `pg_attver` there, which pg_dump leaves out.
SELECT 'pg_class'::regclass::oid AS classid,
       c.oid AS objid,
       0 AS objsubid,
       ARRAY[n.nspname::text, c.relname::text] AS path,
       rtrim(pg_get_viewdef(c.oid), ';') AS definition,
       CASE WHEN am.amname <> 'heap' THEN am.amname::text END AS access_method,
       ts.spcname::text AS tablespace,
       c.relispopulated AS populated,
       COALESCE((SELECT array_agg(quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod)
                         || CASE WHEN a.attcollation <> t.typcollation THEN ' ' || a.attcollation::regcollation ELSE '' END
                         ORDER BY a.attnum)
        FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
        WHERE a.attrelid = c.oid AND a.attnum > 0), '{}') AS result,
       COALESCE(
           (SELECT json_agg(s.settings ORDER BY s.attnum)
            FROM (SELECT a.attnum, json_build_object(
                      'name', a.attname,
                      'storage', CASE WHEN a.attstorage <> t.typstorage THEN
                          CASE a.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN'
                               WHEN 'x' THEN 'EXTENDED' ELSE a.attstorage::text END END,
                      'usual_storage', CASE t.typstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN'
                               ELSE 'EXTENDED' END,
                      'compression', CASE a.attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' END,
                      'statistics', NULLIF(a.attstattarget::int, -1),
                      'options', COALESCE((SELECT json_agg(o ORDER BY o) FROM unnest(a.attoptions) AS o WHERE o NOT LIKE 'pg\_%'), '[]')) AS settings
                  FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
                  WHERE a.attrelid = c.oid AND a.attnum > 0
                    AND (a.attstorage <> t.typstorage OR a.attcompression <> '' OR a.attstattarget >= 0
                         OR EXISTS (SELECT FROM unnest(a.attoptions) AS o WHERE o NOT LIKE 'pg\_%'))) AS s), '[]') AS columns,
       COALESCE(c.reloptions, '{}') AS options
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_am am ON am.oid = c.relam
LEFT JOIN pg_tablespace ts ON ts.oid = c.reltablespace
WHERE c.relkind = 'm'
  AND c.relpersistence <> 't'
  AND n.nspname !~ '^pg_'
  AND n.nspname NOT IN ('information_schema', 'forge')
  AND NOT EXISTS (
      SELECT FROM pg_depend e
      WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')
ORDER BY n.nspname, c.relname
