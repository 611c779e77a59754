-- The encoding and the default collation of the database. The columns of the provider came with 15, 16 and 17.
SELECT pg_catalog.pg_encoding_to_char(d.encoding)::pg_catalog.text AS encoding,
       COALESCE(j.columns OPERATOR(pg_catalog.->>) 'datlocprovider', 'c') AS provider,
       d.datcollate::pg_catalog.text AS "collate",
       d.datctype::pg_catalog.text AS ctype,
       COALESCE(j.columns OPERATOR(pg_catalog.->>) 'datlocale', j.columns OPERATOR(pg_catalog.->>) 'daticulocale') AS name,
       j.columns OPERATOR(pg_catalog.->>) 'daticurules' AS rules
FROM pg_catalog.pg_database AS d, LATERAL (SELECT pg_catalog.to_jsonb(d) AS columns) AS j
WHERE d.datname OPERATOR(pg_catalog.=) pg_catalog.current_database()
