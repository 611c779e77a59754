-- Triggers that users made. A partition's copies of its parent's come and go with it; one is read only where its state
-- isn't the parent's.
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
       g.tgconstraint <> 0 AS "constraint",
       CASE WHEN g.tgparentid <> 0 THEN ARRAY['pg_trigger'::regclass::oid, g.tgparentid, 0] END AS copy_of_ref
FROM pg_trigger g
JOIN pg_class c ON c.oid = g.tgrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_trigger p ON p.oid = g.tgparentid
WHERE CASE WHEN g.tgparentid = 0 THEN NOT g.tgisinternal
           -- Before PostgreSQL 15 copies count as internal, as those of foreign keys do on every version.
           ELSE g.tgenabled <> p.tgenabled
                AND NOT EXISTS (SELECT FROM pg_constraint k WHERE k.oid = g.tgconstraint AND k.contype = 'f') END
  AND c.relpersistence <> 't'
  AND n.nspname !~ '^pg_'
  AND n.nspname NOT IN ('information_schema', 'forge')
ORDER BY n.nspname, c.relname, g.tgname
