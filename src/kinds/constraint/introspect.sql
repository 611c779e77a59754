-- Constraints of tables. Copies that a partitioned table hands down come and go with its own; primary keys, unique and
-- exclusion constraints of partitions have a name of their own, so they are read too, and so are checks that a table
-- inherits from a parent, which it keeps when it leaves that.
SELECT 'pg_constraint'::regclass::oid AS classid,
       k.oid AS objid,
       0 AS objsubid,
       ARRAY[n.nspname::text, c.relname::text, k.conname::text] AS path,
       'pg_class'::regclass::oid AS parent_classid,
       c.oid AS parent_objid,
       0 AS parent_objsubid,
       CASE k.contype WHEN 'p' THEN 'primary_key' WHEN 'u' THEN 'unique' WHEN 'c' THEN 'check' WHEN 'f' THEN 'foreign_key'
            WHEN 'x' THEN 'exclusion' ELSE k.contype::text END AS kind,
       pg_get_constraintdef(k.oid) AS definition,
       k.convalidated AS valid,
       k.conindid <> 0 AND k.contype <> 'f' AND COALESCE(ix.indisclustered, false) AS clustered,
       k.conindid <> 0 AND k.contype <> 'f' AND COALESCE(ix.indisreplident, false) AS replica_identity,
       COALESCE(ic.reloptions, '{}') AS options,
       ts.spcname::text AS tablespace,
       CASE WHEN k.contype IN ('p', 'u', 'x') THEN quote_ident(inn.nspname) || '.' || quote_ident(ic.relname) END AS index,
       (SELECT array_agg(a.attname::text ORDER BY u.ord)
        FROM unnest(k.conkey) WITH ORDINALITY AS u (attnum, ord)
        JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.attnum) AS columns,
       CASE WHEN k.contype = 'f' THEN ARRAY['pg_class'::regclass::oid, k.confrelid, 0] END AS references_ref,
       -- A part of a partitioned constraint, or of a partitioned index that no constraint owns.
       CASE WHEN k.conparentid <> 0 THEN ARRAY['pg_constraint'::regclass::oid, k.conparentid, 0]
            WHEN k.contype IN ('p', 'u', 'x') THEN
                (SELECT ARRAY['pg_class'::regclass::oid, h.inhparent, 0] FROM pg_inherits h WHERE h.inhrelid = k.conindid)
       END AS attached_to_ref,
       COALESCE(NOT ix.indisvalid, false) AS incomplete,
       k.conislocal AS local,
       CASE WHEN k.contype = 'c' AND k.coninhcount > 0 AND NOT c.relispartition THEN
           (SELECT ARRAY['pg_constraint'::regclass::oid, pk.oid, 0]
            FROM pg_inherits i
            JOIN pg_constraint pk ON pk.conrelid = i.inhparent AND pk.conname = k.conname AND pk.contype = 'c'
                 AND NOT pk.connoinherit
            WHERE i.inhrelid = c.oid
            ORDER BY i.inhseqno
            LIMIT 1)
       END AS inherited_from_ref
FROM pg_constraint k
JOIN pg_class c ON c.oid = k.conrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_class ic ON ic.oid = k.conindid AND k.contype IN ('p', 'u', 'x')
LEFT JOIN pg_namespace inn ON inn.oid = ic.relnamespace
LEFT JOIN pg_index ix ON ix.indexrelid = ic.oid
LEFT JOIN pg_tablespace ts ON ts.oid = ic.reltablespace
WHERE k.contype IN ('p', 'u', 'c', 'f', 'x')
  AND c.relkind IN ('r', 'p')
  AND c.relpersistence <> 't'
  AND (k.conislocal OR k.contype IN ('p', 'u', 'x') OR (k.contype = 'c' AND NOT c.relispartition))
  AND NOT (k.conparentid <> 0 AND k.contype = 'f')
  AND n.nspname !~ '^pg_'
  AND n.nspname NOT IN ('information_schema', 'forge')
ORDER BY n.nspname, c.relname, k.conname
