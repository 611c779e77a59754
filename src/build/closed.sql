-- The schemas of the current role's in which the role $1 may not create.
SELECT n.nspname::pg_catalog.text AS name
FROM pg_catalog.pg_namespace n
WHERE pg_catalog.pg_has_role(n.nspowner, 'USAGE')
  AND NOT pg_catalog.has_schema_privilege($1::pg_catalog.text::pg_catalog.name, n.oid, 'CREATE')
ORDER BY name
