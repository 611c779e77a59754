-- The CACHE of a sequence; nothing of another relation.
SELECT s.seqcache FROM pg_sequence s WHERE s.seqrelid = to_regclass($1::text)
