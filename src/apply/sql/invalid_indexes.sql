-- Indexes on these tables that a failed concurrent build has left, and that nobody is building right now.
SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname) AS name, quote_ident(c.relname) AS short
FROM pg_index i
JOIN pg_class c ON c.oid = i.indexrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_class t ON t.oid = i.indrelid
JOIN pg_namespace tn ON tn.oid = t.relnamespace
WHERE NOT i.indisvalid
  AND c.relkind = 'i'
  AND quote_ident(tn.nspname) || '.' || quote_ident(t.relname) = ANY ($1::text[])
  AND NOT EXISTS (SELECT FROM pg_stat_progress_create_index p WHERE p.index_relid = c.oid)
ORDER BY 1
