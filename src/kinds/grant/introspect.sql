-- Privileges that aren't those that an object of its kind has from the start, by grantee. A star marks the grant option.
-- `forge.roles` says for whom a role stands, so that two databases can be compared.
WITH acls AS (
    SELECT 'pg_namespace'::regclass::oid AS classid, n.oid AS objid, 0 AS objsubid, NULL::text AS sub_name, NULL::text[] AS path,
           n.nspacl AS acl, acldefault('n', n.nspowner) AS start
    FROM pg_namespace n
    UNION ALL
    SELECT 'pg_class'::regclass, COALESCE(i.refobjid, c.oid), COALESCE(i.refobjsubid, 0), NULL,
           -- The sequence of an identity belongs to the column.
           CASE WHEN i.refobjid IS NOT NULL THEN ARRAY[n.nspname::text, c.relname::text] END, c.relacl,
           acldefault(CASE WHEN c.relkind = 'S' THEN 's'::"char" ELSE 'r'::"char" END, c.relowner)
    FROM pg_class c
    JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_depend i ON i.classid = 'pg_class'::regclass AND i.objid = c.oid AND i.deptype = 'i' AND c.relkind = 'S'
                         AND i.refclassid = 'pg_class'::regclass AND i.refobjsubid > 0
    WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S')
    UNION ALL
    SELECT 'pg_class'::regclass, c.oid, a.attnum, a.attname::text, NULL, a.attacl, acldefault('c', c.relowner)
    FROM pg_attribute a
    JOIN pg_class c ON c.oid = a.attrelid
    WHERE c.relkind IN ('r', 'p', 'v', 'm') AND a.attnum > 0 AND NOT a.attisdropped AND a.attacl IS NOT NULL
    UNION ALL
    SELECT 'pg_proc'::regclass, p.oid, 0, NULL, NULL, p.proacl, acldefault('f', p.proowner)
    FROM pg_proc p
    WHERE p.prokind IN ('f', 'p', 'w')
    UNION ALL
    SELECT CASE WHEN t.typtype = 'c' THEN 'pg_class'::regclass ELSE 'pg_type'::regclass END,
           CASE WHEN t.typtype = 'c' THEN t.typrelid ELSE t.oid END, 0, NULL, NULL, t.typacl, acldefault('T', t.typowner)
    FROM pg_type t
    LEFT JOIN pg_class c ON c.oid = t.typrelid
    WHERE t.typtype IN ('d', 'e') OR (t.typtype = 'c' AND c.relkind = 'c')
), grantees AS (
    SELECT a.*, g.grantee,
           COALESCE((SELECT array_agg(e.privilege_type || CASE WHEN e.is_grantable THEN '*' ELSE '' END ORDER BY e.privilege_type)
                     FROM aclexplode(a.acl) AS e WHERE e.grantee = g.grantee), '{}') AS privileges,
           COALESCE((SELECT array_agg(e.privilege_type || CASE WHEN e.is_grantable THEN '*' ELSE '' END ORDER BY e.privilege_type)
                     FROM aclexplode(a.start) AS e WHERE e.grantee = g.grantee), '{}') AS initial,
           COALESCE((SELECT min(e.place)
                     FROM aclexplode(a.acl) WITH ORDINALITY AS e (grantor, grantee, privilege, grantable, place)
                     WHERE e.grantee = g.grantee), 0)::int AS position
    FROM acls a
    CROSS JOIN LATERAL (
        SELECT e.grantee FROM aclexplode(a.acl) AS e
        UNION
        SELECT e.grantee FROM aclexplode(a.start) AS e) AS g
    WHERE a.acl IS NOT NULL
      AND (a.objid >= 16384 OR a.objid = to_regnamespace('public'))
)
SELECT g.classid AS parent_classid,
       g.objid AS parent_objid,
       g.objsubid AS parent_objsubid,
       g.sub_name,
       CASE WHEN g.path IS NOT NULL THEN 'sequence' END AS of,
       g.path,
       CASE WHEN g.grantee = 0 THEN ''
            ELSE COALESCE(NULLIF(current_setting('forge.roles', true), '')::jsonb ->> r.rolname::text, r.rolname::text, g.grantee::text) END AS grantee,
       g.privileges,
       g.initial,
       g.position
FROM grantees g
LEFT JOIN pg_roles r ON r.oid = g.grantee
WHERE g.privileges <> g.initial
ORDER BY g.classid, g.objid, g.objsubid, g.grantee
