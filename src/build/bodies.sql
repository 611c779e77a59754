-- Functions whose language can check their bodies: not those of extensions, not the server's own.
SELECT
    p.oid                                                   AS oid,
    n.nspname::text                                         AS schema,
    p.proname::text                                         AS name,
    pg_catalog.pg_get_function_identity_arguments(p.oid)    AS identity_arguments,
    p.prosrc                                                AS body,
    v.nspname::text                                         AS validator_schema,
    f.proname::text                                         AS validator,
    (
        SELECT pg_catalog.substr(setting, 13)
        FROM pg_catalog.unnest(p.proconfig) AS setting
        WHERE setting LIKE 'search\_path=%'
    )                                                       AS search_path
FROM pg_catalog.pg_proc AS p
JOIN pg_catalog.pg_namespace AS n ON n.oid = p.pronamespace
JOIN pg_catalog.pg_language AS l ON l.oid = p.prolang
JOIN pg_catalog.pg_proc AS f ON f.oid = l.lanvalidator
JOIN pg_catalog.pg_namespace AS v ON v.oid = f.pronamespace
WHERE l.lanname NOT IN ('internal', 'c')
  -- A body in standard SQL is stored parsed; it was checked when it was created.
  AND p.prosqlbody IS NULL
  AND n.nspname !~ '^pg_'
  AND n.nspname <> 'information_schema'
  AND NOT EXISTS (
      SELECT 1
      FROM pg_catalog.pg_depend AS d
      WHERE d.classid = 'pg_catalog.pg_proc'::pg_catalog.regclass
        AND d.objid = p.oid
        AND d.deptype = 'e'
  )
ORDER BY schema, name, identity_arguments
