-- Who could keep a plan waiting: old transactions of this database, and vacuums that don't give way.
WITH touched AS (
    SELECT to_regclass(j.name) AS relation
    FROM jsonb_array_elements_text(current_setting('forge.touched')::jsonb) AS j (name)
)
SELECT w.what
FROM (
    SELECT a.xact_start AS since,
           format('process %s of role `%s`, application `%s`, is in a transaction that is %s s old (%s)%s', a.pid, a.usename,
                  a.application_name, extract(epoch FROM clock_timestamp() - a.xact_start)::bigint, a.state,
                  CASE WHEN EXISTS (
                      SELECT FROM pg_locks l
                      JOIN touched t ON t.relation = l.relation
                      WHERE l.pid = a.pid AND l.granted) THEN ', with locks on what the plans change' ELSE '' END) AS what
    FROM pg_stat_activity a
    WHERE a.datname = current_database() AND a.pid <> pg_backend_pid() AND a.backend_type = 'client backend'
      AND a.xact_start < clock_timestamp() - interval '60 seconds'
    UNION ALL
    SELECT a.xact_start,
           format('process %s vacuums %s to prevent wraparound, which no lock request cancels', a.pid, p.relid::regclass)
    FROM pg_stat_progress_vacuum p
    JOIN pg_stat_activity a ON a.pid = p.pid
    JOIN touched t ON t.relation = p.relid
    WHERE a.query LIKE 'autovacuum:%(to prevent wraparound)'
) AS w
ORDER BY w.since NULLS LAST, w.what
