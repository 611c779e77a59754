-- Row-level security policies. `forge.roles` says for whom a role stands, so that two databases can be compared.
SELECT 'pg_policy'::regclass::oid AS classid,
       p.oid AS objid,
       0 AS objsubid,
       ARRAY[n.nspname::text, c.relname::text, p.polname::text] AS path,
       'pg_class'::regclass::oid AS parent_classid,
       c.oid AS parent_objid,
       0 AS parent_objsubid,
       p.polpermissive AS permissive,
       CASE p.polcmd WHEN '*' THEN 'ALL' WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE'
            ELSE p.polcmd::text END AS command,
       r.spelled AS roles,
       r.names AS role_names,
       pg_get_expr(p.polqual, p.polrelid) AS "using",
       pg_get_expr(p.polwithcheck, p.polrelid) AS with_check
FROM pg_policy p
JOIN pg_class c ON c.oid = p.polrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (
    SELECT array_agg(COALESCE(quote_ident(m.name), 'PUBLIC') ORDER BY COALESCE(quote_ident(m.name), 'PUBLIC')) AS spelled,
           COALESCE(array_agg(m.name ORDER BY m.oid) FILTER (WHERE m.name IS NOT NULL), '{}') AS names
    FROM (SELECT u.oid, CASE WHEN u.oid <> 0 THEN
                     COALESCE(NULLIF(current_setting('forge.roles', true), '')::jsonb ->> pg_get_userbyid(u.oid)::text,
                              pg_get_userbyid(u.oid)::text) END AS name
          FROM unnest(p.polroles) AS u (oid)) AS m) AS r
WHERE n.nspname !~ '^pg_'
  AND n.nspname NOT IN ('information_schema', 'forge')
ORDER BY n.nspname, c.relname, p.polname
