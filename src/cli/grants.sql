-- What the managed part of a database consists of, as far as privileges go: its schemas with their owners, the owners of what
-- stands in them, the owner of the schema of forge's history; and who is a superuser.
SELECT 'database' AS what, current_database()::text AS name, NULL AS owner
UNION ALL
SELECT 'schema', n.nspname::text, pg_get_userbyid(n.nspowner)::text
FROM pg_namespace n
WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'forge')
UNION ALL
SELECT DISTINCT 'owner', n.nspname::text, pg_get_userbyid(o.owner)::text
FROM (SELECT c.relnamespace AS namespace, c.relowner AS owner FROM pg_class c WHERE c.relkind IN ('r', 'p', 'v', 'm', 'S', 'c', 'f')
      UNION SELECT p.pronamespace, p.proowner FROM pg_proc p
            WHERE NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid AND e.deptype = 'e')
      UNION SELECT t.typnamespace, t.typowner FROM pg_type t WHERE t.typtype IN ('d', 'e', 'r')
            AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_type'::regclass AND e.objid = t.oid AND e.deptype = 'e')
     ) AS o
JOIN pg_namespace n ON n.oid = o.namespace
WHERE n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'forge')
UNION ALL
SELECT 'history', n.nspname::text, pg_get_userbyid(n.nspowner)::text
FROM pg_namespace n
WHERE n.nspname = 'forge'
UNION ALL
SELECT 'superuser', r.rolname::text, NULL
FROM pg_roles r
WHERE r.rolsuper
ORDER BY 1, 2, 3
