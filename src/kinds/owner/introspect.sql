-- Owners. A sequence that a column owns, and a partition's or view's parts, have the owner of what they belong to.
-- `forge.roles` says for whom a role stands, so that two databases can be compared.
WITH owned AS (
    SELECT 'pg_namespace'::regclass::oid AS classid, n.oid AS objid, n.nspowner AS owner
    FROM pg_namespace n
    UNION ALL
    SELECT 'pg_class'::regclass, c.oid, c.relowner
    FROM pg_class c
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'c')
       OR (c.relkind = 'S' AND NOT EXISTS (
              SELECT FROM pg_depend d
              WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype IN ('a', 'i')
                AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0))
    UNION ALL
    SELECT 'pg_type'::regclass, t.oid, t.typowner
    FROM pg_type t
    WHERE t.typtype IN ('d', 'e')
    UNION ALL
    SELECT 'pg_proc'::regclass, p.oid, p.proowner
    FROM pg_proc p
    WHERE p.prokind IN ('f', 'p', 'w')
)
SELECT o.classid AS parent_classid,
       o.objid AS parent_objid,
       0 AS parent_objsubid,
       COALESCE(NULLIF(current_setting('forge.roles', true), '')::jsonb ->> r.rolname::text, r.rolname::text) AS role
FROM owned o
JOIN pg_roles r ON r.oid = o.owner
WHERE o.objid >= 16384 OR o.objid = to_regnamespace('public')
ORDER BY o.classid, o.objid
