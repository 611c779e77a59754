-- The databases that forges have made, and whether a forge or a session holds them.
SELECT
    d.datname::text AS name,
    EXISTS (
        SELECT FROM pg_catalog.pg_locks l
        WHERE l.locktype = 'advisory'
            AND l.classid = $1::int::oid
            AND l.objid = (pg_catalog.hashtext(d.datname::text)::bigint & 4294967295)::oid
            AND l.objsubid = 2
    )
    OR EXISTS (
        SELECT FROM pg_catalog.pg_stat_activity a
        WHERE a.datid = d.oid
    ) AS used
FROM pg_catalog.pg_database d
WHERE pg_catalog.starts_with(d.datname::text, 'forge_shadow_')
ORDER BY name
