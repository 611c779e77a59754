-- Row-level security policies.
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
       (SELECT array_agg(CASE WHEN r = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(r)) END
                         ORDER BY CASE WHEN r = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(r)) END)
        FROM unnest(p.polroles) AS r) AS roles,
       COALESCE((SELECT array_agg(pg_get_userbyid(r)::text ORDER BY r) FROM unnest(p.polroles) AS r WHERE r <> 0), '{}') AS role_names,
       pg_get_expr(p.polqual, p.polrelid) AS "using",
       pg_get_expr(p.polwithcheck, p.polrelid) AS with_check
FROM pg_policy p
JOIN pg_class c ON c.oid = p.polrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname !~ '^pg_'
  AND n.nspname NOT IN ('information_schema', 'forge')
ORDER BY n.nspname, c.relname, p.polname
