-- The first of these names that no table in forge's schema has.
SELECT n.name
FROM (SELECT $1::text AS name UNION ALL SELECT concat($1::text, '_', g) FROM generate_series(2, 1000) AS g) AS n
WHERE NOT EXISTS (
    SELECT FROM pg_class c JOIN pg_namespace s ON s.oid = c.relnamespace
    WHERE s.nspname = 'forge' AND c.relname = n.name)
LIMIT 1
