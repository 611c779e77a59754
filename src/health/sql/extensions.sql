-- The extensions that the plans create and this server doesn't offer.
SELECT j.name
FROM jsonb_array_elements_text(current_setting('forge.extensions')::jsonb) AS j (name)
WHERE NOT EXISTS (SELECT FROM pg_available_extensions a WHERE a.name = j.name)
ORDER BY j.name
