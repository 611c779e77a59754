-- What unfinished work has left: `what` is for people, `relation` the table that it is about, in `schema`. A plan may leave what
-- `may_be_meant`.
SELECT l.what, l.name, l.relation, l.schema, l.may_be_meant
FROM (
    SELECT CASE WHEN c.relname ~ '_cc(new|old)[0-9]*$' THEN 'remainder of REINDEX CONCURRENTLY'
                WHEN c.relkind = 'I' THEN 'invalid index of a partitioned table'
                ELSE 'invalid index' END AS what,
           format('%I.%I', n.nspname, c.relname) AS name,
           format('%I.%I', tn.nspname, t.relname) AS relation,
           tn.nspname::text AS schema,
           c.relkind = 'I' AS may_be_meant
    FROM pg_index i
    JOIN pg_class c ON c.oid = i.indexrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_class t ON t.oid = i.indrelid
    JOIN pg_namespace tn ON tn.oid = t.relnamespace
    -- The index of a partitioned table is invalid until every partition has its own, which may be meant.
    WHERE NOT i.indisvalid
      AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.index_relid = c.oid)
    UNION ALL
    SELECT 'constraint that is NOT VALID', format('%I on %I.%I', k.conname, n.nspname, c.relname), format('%I.%I', n.nspname, c.relname),
           n.nspname::text, true
    FROM pg_constraint k
    JOIN pg_class c ON c.oid = k.conrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    -- From 18 on there are constraints that are never to be enforced.
    WHERE NOT k.convalidated AND k.conparentid = 0 AND coalesce((to_jsonb(k) ->> 'conenforced')::boolean, true)
    UNION ALL
    SELECT 'partition whose DETACH CONCURRENTLY is pending', format('%I.%I', n.nspname, c.relname), format('%I.%I', pn.nspname, p.relname),
           n.nspname::text, false
    FROM pg_inherits h
    JOIN pg_class c ON c.oid = h.inhrelid
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_class p ON p.oid = h.inhparent
    JOIN pg_namespace pn ON pn.oid = p.relnamespace
    WHERE h.inhdetachpending
    UNION ALL
    SELECT 'prepared transaction', format('%L of %I since %s', x.gid, x.owner, x.prepared::timestamptz(0)), NULL, NULL, false
    FROM pg_prepared_xacts x
    WHERE x.database = current_database()
) AS l
ORDER BY l.what, l.name
