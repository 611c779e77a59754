-- Rules that hold wherever such a value is stored are said once, here.
CREATE DOMAIN app.amount AS numeric(12, 2)
    CONSTRAINT amount_not_negative CHECK (VALUE >= 0);

COMMENT ON DOMAIN app.amount IS 'Money without its currency';

CREATE DOMAIN app.currency AS text
    DEFAULT 'EUR'
    CONSTRAINT currency_is_iso_4217 CHECK (VALUE ~ '^[A-Z]{3}$');

COMMENT ON DOMAIN app.currency IS 'ISO 4217 code, such as EUR';

CREATE DOMAIN app.slug AS text
    CONSTRAINT slug_fits_url CHECK (VALUE ~ '^[a-z0-9]+(-[a-z0-9]+)*$' AND length(VALUE) <= 63);

COMMENT ON DOMAIN app.slug IS 'Name in a URL';
