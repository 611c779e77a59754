-- What whoever works on these steps is to do.
UPDATE forge.backfill SET paused = $2, aborted = $3
WHERE finished IS NULL AND ($1::text IS NULL OR starts_with(rev, $1))
RETURNING rev, step, relation
