-- Whether forge has been here, and whether it was one that knew of batches.
SELECT EXISTS (
    SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'forge' AND c.relname = 'snapshot') AS present,
    EXISTS (
    SELECT FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = 'forge' AND c.relname = 'backfill') AS batches
