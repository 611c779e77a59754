-- The columns of a relation that hold values, with what of them isn't PostgreSQL's own and may be dropped later.
SELECT a.attname::text AS name,
       tn.nspname <> 'pg_catalog' AS own_type,
       coalesce(cn.nspname <> 'pg_catalog', false) AS own_collation,
       coalesce(a.attnum = ANY (k.indkey), false) AS is_key
FROM pg_attribute a
JOIN pg_type t ON t.oid = a.atttypid
JOIN pg_namespace tn ON tn.oid = t.typnamespace
LEFT JOIN pg_collation c ON c.oid = a.attcollation
LEFT JOIN pg_namespace cn ON cn.oid = c.collnamespace
LEFT JOIN pg_index k ON k.indrelid = a.attrelid AND k.indisprimary
WHERE a.attrelid = to_regclass($1::text) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum
