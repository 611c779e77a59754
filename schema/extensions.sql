-- Extensions live in a schema of their own, so that nothing of theirs stands between the shop's objects.
-- All three are trusted: the owner of the database may install them.
CREATE SCHEMA extensions;

COMMENT ON SCHEMA extensions IS 'Types, operators and operator classes that come with extensions';

CREATE EXTENSION citext WITH SCHEMA extensions; -- e-mail addresses, whatever their case
CREATE EXTENSION pg_trgm WITH SCHEMA extensions; -- product names by any part of them
CREATE EXTENSION btree_gist WITH SCHEMA extensions; -- one price at a time for each product
