-- What the server is, and how this session reached it.
SELECT current_setting('server_version') AS version,
       current_setting('server_version_num')::int / 10000 AS major,
       pg_is_in_recovery() AS standby,
       session_user::text AS login,
       current_user::text AS role,
       r.rolsuper AS superuser,
       coalesce(s.ssl, false) AS tls,
       concat_ws(' ', s.version, s.cipher) AS tls_with,
       pg_size_pretty(pg_database_size(current_database())) AS size,
       (SELECT count(*) FROM pg_event_trigger e WHERE e.evtenabled <> 'D') AS event_triggers,
       (SELECT string_agg(concat(split_part(o.setting, '=', 1), ' = ', split_part(o.setting, '=', 2)), ', ' ORDER BY o.setting)
        FROM pg_db_role_setting d
        CROSS JOIN LATERAL unnest(d.setconfig) AS o (setting)
        WHERE d.setrole IN (0, r.oid)
          AND d.setdatabase IN (0, (SELECT b.oid FROM pg_database b WHERE b.datname = current_database()))) AS settings
FROM pg_roles r
LEFT JOIN pg_stat_ssl s ON s.pid = pg_backend_pid()
WHERE r.rolname = current_user
