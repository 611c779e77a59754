-- Default privileges by role, schema, class of objects and grantee, where they aren't PostgreSQL's own.
-- `forge.roles` says for whom a role stands, so that two databases can be compared.
WITH rules AS (
    SELECT d.oid, d.defaclacl AS acl, n.nspname::text AS schema, r.oid AS role_oid, r.rolname::text AS role,
           CASE d.defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'FUNCTIONS' WHEN 'T' THEN 'TYPES'
                WHEN 'n' THEN 'SCHEMAS' ELSE d.defaclobjtype::text END AS class,
           -- A rule for one schema adds to the rest, so it starts from nothing, as a column does; one for the whole database
           -- takes the place of the start.
           acldefault(CASE WHEN d.defaclnamespace <> 0 THEN 'c'::"char" WHEN d.defaclobjtype = 'S' THEN 's'::"char"
                           ELSE d.defaclobjtype END, d.defaclrole) AS start,
           acldefault(CASE d.defaclobjtype WHEN 'S' THEN 's'::"char" ELSE d.defaclobjtype END, d.defaclrole) AS fresh_start
    FROM pg_default_acl d
    JOIN pg_roles r ON r.oid = d.defaclrole
    LEFT JOIN pg_namespace n ON n.oid = d.defaclnamespace
), grantees AS (
    SELECT a.*, g.grantee,
           COALESCE((SELECT array_agg(e.privilege_type || CASE WHEN e.is_grantable THEN '*' ELSE '' END ORDER BY e.privilege_type)
                     FROM aclexplode(a.acl) AS e WHERE e.grantee = g.grantee), '{}') AS privileges,
           COALESCE((SELECT array_agg(e.privilege_type || CASE WHEN e.is_grantable THEN '*' ELSE '' END ORDER BY e.privilege_type)
                     FROM aclexplode(a.start) AS e WHERE e.grantee = g.grantee), '{}') AS initial,
           COALESCE((SELECT array_agg(e.privilege_type || CASE WHEN e.is_grantable THEN '*' ELSE '' END ORDER BY e.privilege_type)
                     FROM aclexplode(a.fresh_start) AS e WHERE e.grantee = g.grantee), '{}') AS fresh
    FROM rules a
    CROSS JOIN LATERAL (
        SELECT e.grantee FROM aclexplode(a.acl) AS e
        UNION
        SELECT e.grantee FROM aclexplode(a.start) AS e) AS g
)
SELECT 'pg_default_acl'::regclass::oid AS classid,
       g.oid AS objid,
       0 AS objsubid,
       array_remove(ARRAY[
           g.schema,
           COALESCE(NULLIF(current_setting('forge.roles', true), '')::jsonb ->> g.role, g.role),
           lower(g.class)], NULL) AS path,
       CASE WHEN g.grantee = 0 THEN ''
            ELSE COALESCE(NULLIF(current_setting('forge.roles', true), '')::jsonb ->> r.rolname::text, r.rolname::text, g.grantee::text) END AS grantee,
       COALESCE(NULLIF(current_setting('forge.roles', true), '')::jsonb ->> g.role, g.role) AS role,
       g.schema,
       g.class,
       g.privileges,
       g.initial,
       g.fresh
FROM grantees g
LEFT JOIN pg_roles r ON r.oid = g.grantee
WHERE g.privileges <> g.initial
  AND (g.schema IS NULL OR (g.schema !~ '^pg_' AND g.schema NOT IN ('information_schema', 'forge')))
ORDER BY g.schema, g.role, g.class, g.grantee
