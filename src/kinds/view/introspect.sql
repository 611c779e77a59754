-- Views.
SELECT 'pg_class'::regclass::oid AS classid,
       c.oid AS objid,
       0 AS objsubid,
       ARRAY[n.nspname::text, c.relname::text] AS path,
       rtrim(pg_get_viewdef(c.oid), ';') AS definition,
       (SELECT array_agg(quote_ident(a.attname) || ' ' || format_type(a.atttypid, a.atttypmod)
                         || CASE WHEN a.attcollation <> t.typcollation THEN ' ' || a.attcollation::regcollation ELSE '' END
                         ORDER BY a.attnum)
        FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
        WHERE a.attrelid = c.oid AND a.attnum > 0) AS columns,
       COALESCE(c.reloptions, '{}') AS options
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'v'
  AND c.relpersistence <> 't'
  AND n.nspname !~ '^pg_'
  AND n.nspname NOT IN ('information_schema', 'forge')
  AND NOT EXISTS (
      SELECT FROM pg_depend e
      WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')
ORDER BY n.nspname, c.relname
