-- The extensions with their versions, on which depends what a schema that uses them looks like.
SELECT COALESCE(string_agg(e.extname || ' ' || e.extversion, ', ' ORDER BY e.extname), '') AS versions
FROM pg_extension e
