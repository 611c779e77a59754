--
-- PostgreSQL database dump
--

\restrict aB3

SET statement_timeout = 0;
SELECT pg_catalog.set_config('search_path', '', false);
CREATE SCHEMA app;
ALTER SCHEMA app OWNER TO owner;
/* a /* b */ c */ CREATE TYPE app.e AS ENUM ('a', 'b');
\unrestrict aB3
