-- What the newest snapshot is of.
SELECT event, at, fingerprint
FROM forge.snapshot
ORDER BY event DESC
LIMIT 1
