-- The partitions of these tables, and theirs.
WITH RECURSIVE tree (root, oid) AS (
    SELECT c.oid, c.oid FROM pg_class c WHERE c.oid = ANY ($1::oid[])
    UNION ALL
    SELECT tree.root, i.inhrelid FROM tree JOIN pg_inherits i ON i.inhparent = tree.oid
)
SELECT tree.root, tree.oid, n.nspname::text AS schema, c.relname::text AS relation
FROM tree
JOIN pg_class c ON c.oid = tree.oid
JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE tree.oid <> tree.root
ORDER BY schema, relation
