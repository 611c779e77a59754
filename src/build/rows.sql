-- The tables that may have rows: those with a page on disk. An extension's own tables may.
SELECT n.nspname::text AS schema, c.relname::text AS name
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid OPERATOR(pg_catalog.=) c.relnamespace
WHERE c.relkind OPERATOR(pg_catalog.=) 'r'
  AND c.relpersistence OPERATOR(pg_catalog.<>) 't'
  AND c.oid OPERATOR(pg_catalog.>=) 16384::oid
  AND pg_catalog.pg_relation_size(c.oid) OPERATOR(pg_catalog.>) 0
  AND NOT EXISTS (
      SELECT FROM pg_catalog.pg_depend e
      WHERE e.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_class'::regclass
        AND e.objid OPERATOR(pg_catalog.=) c.oid
        AND e.deptype OPERATOR(pg_catalog.=) 'e')
ORDER BY schema, name
