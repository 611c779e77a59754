-- Comments of the objects of this database. Those on columns of views and on attributes of types name the column,
-- because these columns aren't objects of their own; neither are the index of a constraint and the sequence of an
-- identity, which belong to the constraint and the column.
SELECT CASE WHEN t.typrelid <> 0 THEN 'pg_class'::regclass::oid
            WHEN k.oid IS NOT NULL THEN 'pg_constraint'::regclass::oid
            ELSE d.classoid END AS parent_classid,
       CASE WHEN t.typrelid <> 0 THEN t.typrelid
            WHEN k.oid IS NOT NULL THEN k.oid
            WHEN i.refobjid IS NOT NULL THEN i.refobjid
            ELSE d.objoid END AS parent_objid,
       COALESCE(i.refobjsubid, d.objsubid) AS parent_objsubid,
       CASE WHEN k.oid IS NOT NULL THEN 'index' WHEN i.refobjid IS NOT NULL THEN 'sequence' END AS of,
       CASE WHEN COALESCE(k.oid, i.refobjid) IS NOT NULL THEN
           (SELECT ARRAY[n.nspname::text, c.relname::text]
            FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE c.oid = d.objoid)
       END AS path,
       a.attname::text AS sub_name,
       d.description AS text
FROM pg_description d
LEFT JOIN pg_attribute a
       ON d.classoid = 'pg_class'::regclass AND a.attrelid = d.objoid AND a.attnum = d.objsubid AND d.objsubid > 0
LEFT JOIN pg_type t
       ON d.classoid = 'pg_type'::regclass AND t.oid = d.objoid
LEFT JOIN pg_constraint k
       ON d.classoid = 'pg_class'::regclass AND k.conindid = d.objoid AND k.contype IN ('p', 'u', 'x')
LEFT JOIN pg_depend i
       ON d.classoid = 'pg_class'::regclass AND i.classid = d.classoid AND i.objid = d.objoid AND i.objsubid = 0
          AND i.deptype = 'i' AND i.refclassid = 'pg_class'::regclass AND i.refobjsubid > 0
WHERE (d.objoid >= 16384
       OR (d.classoid = 'pg_namespace'::regclass
           AND d.objoid = to_regnamespace('public')
           AND d.description <> 'standard public schema'))
  -- The row type of a table has a comment of its own, which nothing shows.
  AND (t.typrelid IS NULL OR t.typrelid = 0 OR EXISTS (SELECT FROM pg_class c WHERE c.oid = t.typrelid AND c.relkind = 'c'))
ORDER BY d.classoid, d.objoid, d.objsubid
