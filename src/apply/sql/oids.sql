-- The relations that these names mean, in the order of the names.
SELECT o.oid, o.oid::regclass::text AS name
FROM unnest($1::text[]) WITH ORDINALITY AS n (name, place)
CROSS JOIN LATERAL (SELECT to_regclass(n.name)::oid) AS o (oid)
ORDER BY n.place
