-- What forge must know of a server before it makes databases there.
SELECT
    pg_catalog.current_setting('server_version_num')::int AS version_number,
    pg_catalog.current_setting('server_version') AS version,
    pg_catalog.current_setting('fsync')::bool AS fsync,
    pg_catalog.floor(pg_catalog.date_part('epoch', pg_catalog.now()))::bigint AS now,
    (pg_catalog.now() OPERATOR(pg_catalog.+) '1 hour'::pg_catalog.interval)::text AS in_an_hour,
    r.rolsuper AS superuser,
    r.rolcreatedb AS creates_databases,
    r.rolcreaterole AS creates_roles,
    ARRAY(SELECT e.extname::text FROM pg_catalog.pg_extension e) AS extensions
FROM pg_catalog.pg_roles r
WHERE r.rolname = current_user
