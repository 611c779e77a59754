-- The schemas that the current role has made along with an extension.
SELECT n.nspname::text AS name
FROM pg_catalog.pg_namespace n
JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) n.nspowner
WHERE r.rolname OPERATOR(pg_catalog.=) current_user
  AND n.oid OPERATOR(pg_catalog.>=) 16384::oid
  AND NOT EXISTS (
      SELECT FROM pg_catalog.pg_depend d
      WHERE d.classid OPERATOR(pg_catalog.=) 'pg_catalog.pg_namespace'::regclass
        AND d.objid OPERATOR(pg_catalog.=) n.oid
        AND d.deptype OPERATOR(pg_catalog.=) 'e')
ORDER BY name
