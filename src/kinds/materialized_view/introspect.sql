-- Materialized views.
SELECT 'pg_class'::regclass::oid AS classid,
       c.oid AS objid,
       0 AS objsubid,
       ARRAY[n.nspname::text, c.relname::text] AS path,
       pg_get_viewdef(c.oid) AS definition,
       CASE WHEN am.amname <> 'heap' THEN am.amname::text END AS access_method,
       ts.spcname::text AS tablespace,
       c.relispopulated AS populated,
       COALESCE((SELECT array_agg(o ORDER BY o) FROM unnest(c.reloptions) AS o), '{}') AS options
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
