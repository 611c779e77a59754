-- Schemas that are neither PostgreSQL's own, nor an extension's, nor forge's.
SELECT 'pg_namespace'::regclass::oid AS classid,
       n.oid AS objid,
       0 AS objsubid,
       ARRAY[n.nspname::text] AS path
FROM pg_namespace n
WHERE n.nspname !~ '^pg_'
  AND n.nspname NOT IN ('information_schema', 'forge')
  AND NOT EXISTS (
      SELECT FROM pg_depend e
      WHERE e.classid = 'pg_namespace'::regclass AND e.objid = n.oid AND e.deptype = 'e')
ORDER BY n.nspname
