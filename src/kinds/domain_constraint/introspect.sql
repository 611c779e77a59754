-- CHECK constraints of domains; NOT NULL is the domain's own attribute.
SELECT 'pg_constraint'::regclass::oid AS classid,
       k.oid AS objid,
       0 AS objsubid,
       ARRAY[n.nspname::text, t.typname::text, k.conname::text] AS path,
       'pg_type'::regclass::oid AS parent_classid,
       t.oid AS parent_objid,
       0 AS parent_objsubid,
       pg_get_constraintdef(k.oid) AS definition,
       k.convalidated AS valid
FROM pg_constraint k
JOIN pg_type t ON t.oid = k.contypid
JOIN pg_namespace n ON n.oid = t.typnamespace
WHERE k.contype = 'c'
  AND n.nspname !~ '^pg_'
  AND n.nspname NOT IN ('information_schema', 'forge')
ORDER BY n.nspname, t.typname, k.conname
