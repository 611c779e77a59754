-- Whether forge has been here.
SELECT EXISTS (
    SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'forge' AND c.relname = 'snapshot') AS present
