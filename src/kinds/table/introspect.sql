-- Tables: plain, partitioned, partitions, children of an inheritance.
SELECT 'pg_class'::regclass::oid AS classid,
       c.oid AS objid,
       0 AS objsubid,
       ARRAY[n.nspname::text, c.relname::text] AS path,
       c.relpersistence = 'u' AS unlogged,
       am.amname::text AS access_method,
       COALESCE(c.reloptions, '{}')
       || COALESCE(
           (SELECT array_agg('toast.' || o.option ORDER BY o.place)
            FROM pg_class t, unnest(t.reloptions) WITH ORDINALITY AS o (option, place)
            WHERE t.oid = c.reltoastrelid), '{}') AS options,
       CASE WHEN c.relkind = 'p' THEN pg_get_partkeydef(c.oid) END AS partition_key,
       CASE WHEN c.relispartition THEN
           (SELECT ARRAY['pg_class'::regclass::oid, i.inhparent, 0] FROM pg_inherits i WHERE i.inhrelid = c.oid)
       END AS partition_of_ref,
       EXISTS (SELECT FROM pg_inherits i WHERE i.inhrelid = c.oid AND i.inhdetachpending) AS detaching,
       CASE WHEN c.relispartition THEN pg_get_expr(c.relpartbound, c.oid) END AS partition_bound,
       CASE WHEN NOT c.relispartition THEN
           (SELECT array_agg(x ORDER BY i.inhseqno, k)
            FROM pg_inherits i, unnest(ARRAY['pg_class'::regclass::oid, i.inhparent, 0]) WITH ORDINALITY AS u (x, k)
            WHERE i.inhrelid = c.oid)
       END AS inherits_refs,
       CASE WHEN c.reloftype <> 0 THEN format_type(c.reloftype, NULL) END AS of_type,
       ts.spcname::text AS tablespace,
       c.relrowsecurity AS row_security,
       c.relforcerowsecurity AS force_row_security,
       CASE c.relreplident WHEN 'd' THEN NULL WHEN 'n' THEN 'NOTHING' WHEN 'f' THEN 'FULL' WHEN 'i' THEN 'INDEX'
            ELSE c.relreplident::text END AS replica_identity
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_am am ON am.oid = c.relam
LEFT JOIN pg_tablespace ts ON ts.oid = c.reltablespace
WHERE c.relkind IN ('r', 'p')
  AND c.relpersistence <> 't'
  AND n.nspname !~ '^pg_'
  AND n.nspname NOT IN ('information_schema', 'forge')
  AND NOT EXISTS (
      SELECT FROM pg_depend e
      WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')
ORDER BY n.nspname, c.relname
