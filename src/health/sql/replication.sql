-- Who follows this server, and how far behind. `late` is what a plan would make worse.
WITH here AS (
    -- On a standby, which may have followers of its own, the other function fails.
    SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END AS lsn
)
SELECT r.what, r.late
FROM (
    SELECT format('%s is %s, %s behind', coalesce(nullif(s.application_name, ''), s.client_addr::text, 'a standby'), s.state,
                  pg_size_pretty(greatest(pg_wal_lsn_diff(h.lsn, s.replay_lsn), 0))) AS what,
           coalesce(s.replay_lag > interval '30 seconds', false)
               OR coalesce(pg_wal_lsn_diff(h.lsn, s.replay_lsn) > 1073741824, false) AS late
    FROM pg_stat_replication s
    CROSS JOIN here h
    UNION ALL
    SELECT format('slot %s is not in use and keeps %s of WAL', l.slot_name,
                  pg_size_pretty(greatest(pg_wal_lsn_diff(h.lsn, l.restart_lsn), 0))),
           coalesce(pg_wal_lsn_diff(h.lsn, l.restart_lsn) > 1073741824, false)
    FROM pg_replication_slots l
    CROSS JOIN here h
    WHERE NOT l.active AND l.restart_lsn IS NOT NULL
    UNION ALL
    SELECT format('publication %s sends %s', p.pubname, j.name), false
    FROM jsonb_array_elements_text(current_setting('forge.touched')::jsonb) AS j (name)
    JOIN pg_class c ON c.oid = to_regclass(j.name)
    JOIN pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_publication_tables p ON p.schemaname = n.nspname AND p.tablename = c.relname
) AS r
ORDER BY r.late DESC, r.what
