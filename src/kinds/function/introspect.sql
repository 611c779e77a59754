-- Functions and procedures. Aggregates are another kind; the constructors of a range type are the type's own.
SELECT 'pg_proc'::regclass::oid AS classid,
       p.oid AS objid,
       0 AS objsubid,
       ARRAY[n.nspname::text, p.proname::text] AS path,
       (SELECT COALESCE(string_agg(format_type(u.t, NULL), ', ' ORDER BY u.ord), '')
        FROM unnest(p.proargtypes) WITH ORDINALITY AS u (t, ord)) AS args,
       p.prokind = 'p' AS procedure,
       p.prokind = 'w' AS "window",
       l.lanname::text AS language,
       rtrim(pg_get_functiondef(p.oid), E'\n') AS definition,
       pg_get_function_result(p.oid) AS result,
       pg_get_function_arguments(p.oid) AS arguments,
       pg_get_function_identity_arguments(p.oid) AS named_arguments,
       p.pronargdefaults::int AS defaults,
       CASE WHEN p.prosqlbody IS NULL AND l.lanname IN ('sql', 'plpgsql') THEN p.prosrc END AS body
FROM pg_proc p
JOIN pg_namespace n ON n.oid = p.pronamespace
JOIN pg_language l ON l.oid = p.prolang
WHERE p.prokind IN ('f', 'p', 'w')
  AND n.nspname !~ '^pg_'
  AND n.nspname NOT IN ('information_schema', 'forge')
  AND NOT EXISTS (
      SELECT FROM pg_depend e
      WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid AND e.deptype IN ('e', 'i'))
ORDER BY n.nspname, p.proname, p.oid
