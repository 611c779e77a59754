-- Extensions but the one that every database has.
SELECT 'pg_extension'::regclass::oid AS classid,
       e.oid AS objid,
       0 AS objsubid,
       ARRAY[e.extname::text] AS path,
       n.nspname::text AS schema,
       e.extversion AS version,
       -- What the extension created to be filled: it is dropped with the extension, rows and all.
       (SELECT COALESCE(array_agg(format('%I.%I', tn.nspname, c.relname) ORDER BY tn.nspname, c.relname), '{}')
        FROM pg_depend d
        JOIN pg_class c ON c.oid = d.objid AND c.relkind IN ('r', 'p', 'm')
        JOIN pg_namespace tn ON tn.oid = c.relnamespace
        WHERE d.classid = 'pg_class'::regclass AND d.deptype = 'e'
          AND d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid) AS tables,
       (SELECT COALESCE(array_agg(format('%I.%I', tn.nspname, c.relname) ORDER BY tn.nspname, c.relname), '{}')
        FROM pg_depend d
        JOIN pg_class c ON c.oid = d.objid AND c.relkind = 'S'
        JOIN pg_namespace tn ON tn.oid = c.relnamespace
        WHERE d.classid = 'pg_class'::regclass AND d.deptype = 'e'
          AND d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid) AS sequences
FROM pg_extension e
JOIN pg_namespace n ON n.oid = e.extnamespace
WHERE e.extname <> 'plpgsql'
ORDER BY e.extname
