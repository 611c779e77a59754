-- The relations that the plans change and that are there: whose they are, and how big.
SELECT j.name,
       pg_get_userbyid(c.relowner)::text AS owner,
       pg_has_role(current_user, c.relowner, 'USAGE') AS mine,
       pg_table_size(c.oid) AS heap,
       pg_indexes_size(c.oid) AS indexes,
       greatest(c.reltuples, 0)::bigint AS rows
FROM jsonb_array_elements_text(current_setting('forge.touched')::jsonb) AS j (name)
JOIN pg_class c ON c.oid = to_regclass(j.name)
ORDER BY pg_table_size(c.oid) DESC, j.name
