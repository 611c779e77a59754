-- The relations that the plans change and that are there: how big they are, with their partitions.
SELECT j.name,
       c.relkind = 'p' AS partitioned,
       s.heap,
       s.indexes,
       s.rows
FROM jsonb_array_elements_text(current_setting('forge.touched')::jsonb) AS j (name)
JOIN pg_class c ON c.oid = to_regclass(j.name)
CROSS JOIN LATERAL (
    SELECT coalesce(sum(pg_table_size(m.oid)), 0)::bigint AS heap,
           coalesce(sum(pg_indexes_size(m.oid)), 0)::bigint AS indexes,
           coalesce(sum(greatest(m.reltuples, 0)), 0)::bigint AS rows
    FROM pg_class m
    WHERE m.oid = c.oid
       OR c.relkind = 'p' AND m.oid IN (SELECT t.relid FROM pg_partition_tree(c.oid) t)) AS s
ORDER BY s.heap DESC, j.name
