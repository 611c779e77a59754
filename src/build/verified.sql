-- Divides by zero, and so fails the transaction, unless text is read as forge writes it by the role $1, and triggers are quiet
-- where that can be.
SELECT 1 OPERATOR(pg_catalog./) (
    pg_catalog.current_setting('standard_conforming_strings') OPERATOR(pg_catalog.=) 'on'
    AND pg_catalog.current_setting('backslash_quote') OPERATOR(pg_catalog.=) 'safe_encoding'
    AND pg_catalog.current_setting('client_encoding') OPERATOR(pg_catalog.=) 'UTF8'
    AND pg_catalog.current_setting('check_function_bodies') OPERATOR(pg_catalog.=) 'off'
    AND pg_catalog.current_setting('role') OPERATOR(pg_catalog.=) 'none'
    AND (pg_catalog.current_setting('session_replication_role') OPERATOR(pg_catalog.=) 'replica'
         OR pg_catalog.current_setting('is_superuser') OPERATOR(pg_catalog.=) 'off')
    AND session_user::text OPERATOR(pg_catalog.=) $1
    AND current_user::text OPERATOR(pg_catalog.=) $1
)::pg_catalog.int4
