-- Comments of the objects of this database. Those on columns of views and on attributes of types name the column,
-- because these columns aren't objects of their own.
SELECT d.classoid AS parent_classid,
       d.objoid AS parent_objid,
       d.objsubid AS parent_objsubid,
       a.attname::text AS sub_name,
       d.description AS text
FROM pg_description d
LEFT JOIN pg_attribute a
       ON d.classoid = 'pg_class'::regclass AND a.attrelid = d.objoid AND a.attnum = d.objsubid AND d.objsubid > 0
WHERE d.objoid >= 16384
   OR (d.classoid = 'pg_namespace'::regclass
       AND d.objoid = to_regnamespace('public')
       AND d.description <> 'standard public schema')
ORDER BY d.classoid, d.objoid, d.objsubid
