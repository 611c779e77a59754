-- What a step locks of these tables, and how.
SELECT locked.oid, locked.oid::regclass::text AS name, step.mode
FROM unnest($1::text[], $2::text[]) AS step (relation, mode)
CROSS JOIN LATERAL (SELECT to_regclass(step.relation)::oid) AS locked (oid)
WHERE locked.oid = ANY ($3::oid[])
