-- An order keeps the address as it was when the order was placed, so it is a value and not a row.
CREATE TYPE app.address AS (
    recipient text,
    street text,
    postcode text,
    city text,
    country text
);

COMMENT ON TYPE app.address IS 'Postal address';
COMMENT ON COLUMN app.address.country IS 'ISO 3166-1 alpha-2 code, such as DE';
