-- Who holds locks that keep a step from its own; a prepared transaction has no process.
WITH conflict (wanted, held) AS (
    VALUES ('AccessShare', '{AccessExclusive}'::text[]),
           ('RowShare', '{Exclusive,AccessExclusive}'),
           ('RowExclusive', '{Share,ShareRowExclusive,Exclusive,AccessExclusive}'),
           ('ShareUpdateExclusive', '{ShareUpdateExclusive,Share,ShareRowExclusive,Exclusive,AccessExclusive}'),
           ('Share', '{RowExclusive,ShareUpdateExclusive,ShareRowExclusive,Exclusive,AccessExclusive}'),
           ('ShareRowExclusive', '{RowExclusive,ShareUpdateExclusive,Share,ShareRowExclusive,Exclusive,AccessExclusive}'),
           ('Exclusive', '{RowShare,RowExclusive,ShareUpdateExclusive,Share,ShareRowExclusive,Exclusive,AccessExclusive}'),
           ('AccessExclusive',
            '{AccessShare,RowShare,RowExclusive,ShareUpdateExclusive,Share,ShareRowExclusive,Exclusive,AccessExclusive}')
)
SELECT l.pid, a.usename::text AS role, a.application_name AS application, string_agg(DISTINCT l.mode, ', ') AS modes,
       EXTRACT(epoch FROM clock_timestamp() - a.xact_start)::bigint AS age
FROM unnest($1::text[], $2::text[]) AS step (relation, mode)
JOIN conflict c ON c.wanted = step.mode
JOIN pg_locks l ON l.relation = to_regclass(step.relation) AND l.mode = ANY (SELECT h || 'Lock' FROM unnest(c.held) AS h)
LEFT JOIN pg_stat_activity a ON a.pid = l.pid
WHERE l.granted AND l.pid IS DISTINCT FROM pg_backend_pid()
  AND l.database = (SELECT d.oid FROM pg_database d WHERE d.datname = current_database())
GROUP BY l.pid, a.usename, a.application_name, a.xact_start
ORDER BY a.xact_start NULLS FIRST, l.pid
