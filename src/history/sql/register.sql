-- A revision that was reverted may come again with another way back.
INSERT INTO forge.revision (
    rev, parents, depends_on, labels, message, body, down_body, sha256, from_fp, to_fp, author, approved_by,
    approved_at, created, semver)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
ON CONFLICT (rev) DO UPDATE SET
    parents = excluded.parents, depends_on = excluded.depends_on, labels = excluded.labels,
    message = excluded.message, body = excluded.body, down_body = excluded.down_body, sha256 = excluded.sha256,
    from_fp = excluded.from_fp, to_fp = excluded.to_fp, author = excluded.author,
    approved_by = excluded.approved_by, approved_at = excluded.approved_at, created = excluded.created,
    semver = excluded.semver
