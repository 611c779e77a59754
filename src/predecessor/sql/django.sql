-- The newest of each app.
SELECT DISTINCT ON (b.app) b.app || '.' || b.name AS version FROM @table@ AS b ORDER BY b.app, b.id DESC
