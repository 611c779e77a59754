-- The event triggers that fire at the end of commands, and the bodies of their functions and of those that these name, in
-- lower case and with single spaces.
WITH RECURSIVE called AS (
    SELECT e.evtname::text AS trigger, p.oid, p.prosrc
    FROM pg_event_trigger e
    JOIN pg_proc p ON p.oid = e.evtfoid
    WHERE e.evtenabled <> 'D' AND e.evtevent = 'ddl_command_end'
    UNION
    SELECT c.trigger, p.oid, p.prosrc
    FROM called c
    JOIN pg_proc p ON strpos(c.prosrc, p.proname) > 0
    JOIN pg_namespace n ON n.oid = p.pronamespace
    JOIN pg_language l ON l.oid = p.prolang
    WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND l.lanname NOT IN ('c', 'internal')
)
SELECT c.trigger AS name,
       lower(regexp_replace(string_agg(c.prosrc, ' ' ORDER BY c.oid), '\s+', ' ', 'g')) AS bodies
FROM called c
JOIN pg_proc p ON p.oid = c.oid
JOIN pg_language l ON l.oid = p.prolang
WHERE l.lanname NOT IN ('c', 'internal')
GROUP BY c.trigger
ORDER BY c.trigger
