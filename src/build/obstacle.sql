-- What must not be there when a statement runs with a superuser's privileges. $1 is the library that it takes a function from.
SELECT
    EXISTS (
        -- The rest stays quiet where session_replication_role is replica.
        SELECT FROM pg_catalog.pg_event_trigger t WHERE t.evtenabled IN ('A', 'R')
    ) AS event_triggers,
    EXISTS (
        SELECT FROM pg_catalog.pg_default_acl a
        JOIN pg_catalog.pg_roles r ON r.oid OPERATOR(pg_catalog.=) a.defaclrole
        WHERE r.rolname OPERATOR(pg_catalog.=) current_user
    ) AS default_privileges,
    EXISTS (
        -- A language's library runs whatever it is given.
        SELECT FROM pg_catalog.pg_available_extension_versions v
        WHERE v.name::text OPERATOR(pg_catalog.=) $1::text AND v.trusted AND v.name::text OPERATOR(pg_catalog.!~) 'pl'
    ) AS trusted_library
