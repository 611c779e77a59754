-- What an extension's script could run in the place of what it means: routines, operators, types and casts that belong
-- neither to the server nor to an extension. $1 is the schema in which the script looks, where it is known.
SELECT pg_catalog.pg_describe_object(o.classid, o.objid, 0) AS object
FROM (
    SELECT 'pg_catalog.pg_proc'::pg_catalog.regclass::pg_catalog.oid AS classid, p.oid AS objid, p.pronamespace AS schema FROM pg_catalog.pg_proc p
    UNION ALL
    SELECT 'pg_catalog.pg_operator'::pg_catalog.regclass, o.oid, o.oprnamespace FROM pg_catalog.pg_operator o
    UNION ALL
    SELECT 'pg_catalog.pg_cast'::pg_catalog.regclass, c.oid, NULL FROM pg_catalog.pg_cast c
    UNION ALL
    SELECT 'pg_catalog.pg_type'::pg_catalog.regclass, t.oid, t.typnamespace FROM pg_catalog.pg_type t
    WHERE t.typtype OPERATOR(pg_catalog.=) ANY ('{b,d,r,m}'::pg_catalog."char"[]) AND t.typelem OPERATOR(pg_catalog.=) 0::pg_catalog.oid
) o
WHERE o.objid OPERATOR(pg_catalog.>=) 16384::pg_catalog.oid
  AND NOT EXISTS (
      SELECT FROM pg_catalog.pg_depend d
      WHERE d.classid OPERATOR(pg_catalog.=) o.classid
        AND d.objid OPERATOR(pg_catalog.=) o.objid
        AND d.deptype OPERATOR(pg_catalog.=) 'e'::pg_catalog."char")
  AND (o.schema IS NULL OR $1::pg_catalog.text IS NULL
       OR o.schema OPERATOR(pg_catalog.=) (SELECT n.oid FROM pg_catalog.pg_namespace n WHERE n.nspname::pg_catalog.text OPERATOR(pg_catalog.=) $1))
ORDER BY object
LIMIT 1
