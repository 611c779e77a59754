-- Extensions but the one that every database has.
SELECT 'pg_extension'::regclass::oid AS classid,
       e.oid AS objid,
       0 AS objsubid,
       ARRAY[e.extname::text] AS path,
       n.nspname::text AS schema,
       e.extversion AS version
FROM pg_extension e
JOIN pg_namespace n ON n.oid = e.extnamespace
WHERE e.extname <> 'plpgsql'
ORDER BY e.extname
