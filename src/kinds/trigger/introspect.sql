-- Triggers that users made; a partition's copies of its parent's come and go with it.
SELECT 'pg_trigger'::regclass::oid AS classid,
       g.oid AS objid,
       0 AS objsubid,
       ARRAY[n.nspname::text, c.relname::text, g.tgname::text] AS path,
       'pg_class'::regclass::oid AS parent_classid,
       c.oid AS parent_objid,
       0 AS parent_objsubid,
       pg_get_triggerdef(g.oid) AS definition,
       CASE g.tgenabled WHEN 'O' THEN 'ENABLE' WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' WHEN 'A' THEN 'ENABLE ALWAYS'
            ELSE g.tgenabled::text END AS state,
       g.tgconstraint <> 0 AS "constraint"
FROM pg_trigger g
JOIN pg_class c ON c.oid = g.tgrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE NOT g.tgisinternal
  AND g.tgparentid = 0
  AND c.relpersistence <> 't'
  AND n.nspname !~ '^pg_'
  AND n.nspname NOT IN ('information_schema', 'forge')
ORDER BY n.nspname, c.relname, g.tgname
