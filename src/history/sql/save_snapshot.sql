-- The newest snapshot takes the place of those before it.
WITH older AS (
    DELETE FROM forge.snapshot WHERE event < $1
)
INSERT INTO forge.snapshot (event, fingerprint, catalog) VALUES ($1, $2, $3)
ON CONFLICT (event) DO UPDATE SET
    at = clock_timestamp(), fingerprint = excluded.fingerprint, catalog = excluded.catalog
