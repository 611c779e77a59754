-- Columns of tables, those of partitions and inheritance children included.
-- Options whose names begin with `pg_` are the server's own: 15.20 and 17.12 keep `pg_attver` there, which pg_dump leaves out.
SELECT 'pg_class'::regclass::oid AS classid,
       c.oid AS objid,
       a.attnum::int AS objsubid,
       ARRAY[n.nspname::text, c.relname::text, a.attname::text] AS path,
       'pg_class'::regclass::oid AS parent_classid,
       c.oid AS parent_objid,
       0 AS parent_objsubid,
       a.attnum::int AS position,
       format_type(a.atttypid, a.atttypmod) AS type,
       -- What a domain is made of, and whether the type is an enum: they decide how values are cast.
       CASE WHEN t.typtype = 'd' THEN format_type(t.typbasetype, t.typtypmod) END AS base_type,
       t.typtype = 'e' AS is_enum,
       c.relkind = 'p' AND EXISTS (
           SELECT FROM pg_depend d
           WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.objsubid = a.attnum
             AND d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid AND d.refobjsubid = 0 AND d.deptype = 'i'
       ) AS in_partition_key,
       -- Whether values are rows: those of a composite type or of a domain over one.
       CASE t.typtype
           WHEN 'c' THEN true
           WHEN 'd' THEN (
               WITH RECURSIVE base AS (
                   SELECT t.typtype AS kind, t.typbasetype AS of
                   UNION ALL
                   SELECT b.typtype, b.typbasetype FROM base JOIN pg_type b ON b.oid = base.of WHERE base.kind = 'd')
               SELECT bool_or(base.kind = 'c') FROM base)
           ELSE false
       END AS is_row,
       CASE WHEN a.attcollation <> t.typcollation THEN
           (SELECT quote_ident(cn.nspname) || '.' || quote_ident(co.collname)
            FROM pg_collation co JOIN pg_namespace cn ON cn.oid = co.collnamespace
            WHERE co.oid = a.attcollation)
       END AS collation,
       a.attnotnull AS not_null,
       -- From PostgreSQL 18 on NOT NULL is a constraint with a name and properties. No statement changes the name of one
       -- that is inherited.
       (SELECT json_build_object('name', CASE WHEN k.coninhcount = 0 THEN k.conname END,
               'inherited_name', CASE WHEN k.coninhcount > 0 THEN k.conname END, 'no_inherit', k.connoinherit, 'valid', k.convalidated)
        FROM pg_constraint k
        WHERE k.conrelid = c.oid AND k.contype = 'n' AND k.conkey = ARRAY[a.attnum]) AS not_null_constraint,
       CASE WHEN a.attidentity <> '' THEN
           (SELECT json_build_object(
               'always', a.attidentity = 'a',
               'sequence', json_build_array(sn.nspname, sc.relname),
               'type', format_type(s.seqtypid, NULL),
               'start', s.seqstart, 'increment', s.seqincrement,
               'minimum', s.seqmin, 'maximum', s.seqmax, 'cache', s.seqcache, 'cycle', s.seqcycle)
            FROM pg_depend d
            JOIN pg_class sc ON sc.oid = d.objid AND sc.relkind = 'S'
            JOIN pg_namespace sn ON sn.oid = sc.relnamespace
            JOIN pg_sequence s ON s.seqrelid = sc.oid
            WHERE d.classid = 'pg_class'::regclass AND d.deptype = 'i'
              AND d.refclassid = 'pg_class'::regclass AND d.refobjid = c.oid AND d.refobjsubid = a.attnum)
       END AS identity,
       CASE WHEN a.attgenerated <> '' THEN json_build_object(
           'expression', pg_get_expr(ad.adbin, ad.adrelid),
           'stored', a.attgenerated = 's')
       END AS generated,
       CASE WHEN a.attstorage <> t.typstorage THEN
           CASE a.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN' WHEN 'x' THEN 'EXTENDED'
                ELSE a.attstorage::text END
       END AS storage,
       CASE a.attcompression WHEN '' THEN NULL WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' ELSE a.attcompression::text
       END AS compression,
       -- Unset is -1 before PostgreSQL 17 and NULL from there on.
       NULLIF(a.attstattarget::int, -1) AS statistics,
       COALESCE((SELECT array_agg(o.option ORDER BY o.place)
                 FROM unnest(a.attoptions) WITH ORDINALITY AS o (option, place)
                 WHERE o.option NOT LIKE 'pg\_%'), '{}') AS options,
       a.attislocal AS local,
       c.reloftype <> 0 AS typed,
       CASE WHEN a.attinhcount > 0 THEN
           (SELECT ARRAY['pg_class'::regclass::oid, pa.attrelid, pa.attnum::oid]
            FROM pg_inherits i
            JOIN pg_attribute pa ON pa.attrelid = i.inhparent AND pa.attname = a.attname AND NOT pa.attisdropped
            WHERE i.inhrelid = c.oid
            ORDER BY i.inhseqno
            LIMIT 1)
       END AS inherited_from_ref
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_attrdef ad ON a.attgenerated <> '' AND ad.adrelid = a.attrelid AND ad.adnum = a.attnum
WHERE c.relkind IN ('r', 'p')
  AND c.relpersistence <> 't'
  AND a.attnum > 0
  AND NOT a.attisdropped
  AND n.nspname !~ '^pg_'
  AND n.nspname NOT IN ('information_schema', 'forge')
ORDER BY n.nspname, c.relname, a.attnum
