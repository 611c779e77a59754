-- The revisions, without their bodies.
SELECT rev, parents, depends_on, labels, message, sha256, from_fp, to_fp, semver, created, author
FROM forge.revision
ORDER BY rev
