-- Which of these names mean partitioned tables, the widest first.
SELECT c.oid
FROM unnest($1::text[]) WITH ORDINALITY AS n (name, place)
JOIN pg_class c ON c.oid = to_regclass(n.name) AND c.relkind = 'p'
ORDER BY c.relispartition, n.place
