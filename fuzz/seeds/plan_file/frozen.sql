-- forge:format 1
-- forge:revision 06ef5adbedac
-- forge:message create the shop
-- forge:author forge <forge@example.com>
-- forge:created 2026-11-21T16:19:41Z
-- forge:postgres 15
-- forge:from 1f0ad78fa841d098fbe87f32794fdec0
-- forge:to 9b2e3c3b64eea78c388c02b5660cf1a6
-- forge:semver 0.1.0
-- forge:approved_by forge <forge@example.com>
-- forge:approved_at 2026-11-27T11:17:18Z
-- forge:down_sha256 a5aa2efa66c4ce2450c3961e5312c3772a7040e3cb1944fa8e13204b68bbf6f1
-- forge:sha256 8bfb24672195e6b5bbfd0666cca9619cf07363fe0165bd2e1aec1323b6aee9d6

SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = off;

BEGIN;

-- forge:step 1 create schema app
CREATE SCHEMA app;
GRANT USAGE ON SCHEMA app TO shop_app;
GRANT USAGE ON SCHEMA app TO shop_readonly;
COMMENT ON SCHEMA app IS 'The shop: tenants, their users, products, orders and payments';

-- forge:step 2 create schema audit
CREATE SCHEMA audit;
GRANT USAGE ON SCHEMA audit TO shop_readonly;
COMMENT ON SCHEMA audit IS 'Who changed what; written by triggers, read by reports, changed by nobody';

-- forge:step 3 create schema extensions
CREATE SCHEMA extensions;
GRANT USAGE ON SCHEMA extensions TO shop_app;
GRANT USAGE ON SCHEMA extensions TO shop_readonly;
COMMENT ON SCHEMA extensions IS 'Types, operators and operator classes that come with extensions';

-- forge:step 4 create extension btree_gist
CREATE EXTENSION btree_gist WITH SCHEMA extensions;
COMMENT ON EXTENSION btree_gist IS 'support for indexing common datatypes in GiST';

-- forge:step 5 create extension citext
CREATE EXTENSION citext WITH SCHEMA extensions;
COMMENT ON EXTENSION citext IS 'data type for case-insensitive character strings';

-- forge:step 6 create extension pg_trgm
CREATE EXTENSION pg_trgm WITH SCHEMA extensions;
COMMENT ON EXTENSION pg_trgm IS 'text similarity measurement and index searching based on trigrams';

-- forge:step 7 create enum app.member_role
CREATE TYPE app.member_role AS ENUM ('viewer', 'editor', 'admin');
COMMENT ON TYPE app.member_role IS 'What a user may do for a tenant; each value includes those before it';

-- forge:step 8 create enum app.order_status
CREATE TYPE app.order_status AS ENUM ('placed', 'paid', 'shipped', 'delivered', 'cancelled');
COMMENT ON TYPE app.order_status IS 'Where an order stands';

-- forge:step 9 create enum app.payment_state
CREATE TYPE app.payment_state AS ENUM ('pending', 'authorized', 'settled', 'failed', 'refunded');
COMMENT ON TYPE app.payment_state IS 'What the payment provider last said';

-- forge:step 10 create domain app.amount
CREATE DOMAIN app.amount AS numeric(12,2)
    CONSTRAINT amount_not_negative CHECK ((VALUE >= (0)::numeric));
COMMENT ON DOMAIN app.amount IS 'Money without its currency';

-- forge:step 11 create domain app.currency
CREATE DOMAIN app.currency AS text DEFAULT 'EUR'::text
    CONSTRAINT currency_is_iso_4217 CHECK ((VALUE ~ '^[A-Z]{3}$'::text));
COMMENT ON DOMAIN app.currency IS 'ISO 4217 code, such as EUR';

-- forge:step 12 create domain app.slug
CREATE DOMAIN app.slug AS text
    CONSTRAINT slug_fits_url CHECK (((VALUE ~ '^[a-z0-9]+(-[a-z0-9]+)*$'::text) AND (length(VALUE) <= 63)));
COMMENT ON DOMAIN app.slug IS 'Name in a URL';

-- forge:step 13 create composite type app.address
CREATE TYPE app.address AS (
    recipient text,
    street text,
    postcode text,
    city text,
    country text
);
COMMENT ON TYPE app.address IS 'Postal address';
COMMENT ON COLUMN app.address.country IS 'ISO 3166-1 alpha-2 code, such as DE';

-- forge:step 14 create sequence app.order_number
CREATE SEQUENCE app.order_number START WITH 10001;
GRANT USAGE ON SEQUENCE app.order_number TO shop_app;
COMMENT ON SEQUENCE app.order_number IS 'Gaps are allowed: an order that failed leaves one';

-- forge:step 15 create function app.cancel_stale_orders(interval)
CREATE OR REPLACE PROCEDURE app.cancel_stale_orders(IN older_than interval DEFAULT '14 days'::interval)
 LANGUAGE plpgsql
AS $procedure$
DECLARE
    day date;
BEGIN
    FOR day IN
        SELECT DISTINCT placed_at::date
        FROM app.orders
        WHERE status = 'placed' AND placed_at < now() - older_than
        ORDER BY 1
    LOOP
        UPDATE app.orders
        SET status = 'cancelled'
        WHERE status = 'placed' AND placed_at >= day AND placed_at < day + 1;
        COMMIT;
    END LOOP;
END
$procedure$;
REVOKE EXECUTE ON PROCEDURE app.cancel_stale_orders(interval) FROM PUBLIC;
GRANT EXECUTE ON PROCEDURE app.cancel_stale_orders(interval) TO shop_app;
COMMENT ON PROCEDURE app.cancel_stale_orders(interval) IS 'Cancels orders that nobody paid for';

-- forge:step 16 create function app.current_tenant()
CREATE OR REPLACE FUNCTION app.current_tenant()
 RETURNS uuid
 LANGUAGE sql
 STABLE PARALLEL SAFE
AS $function$ SELECT nullif(current_setting('app.tenant_id', true), '')::uuid $function$;
COMMENT ON FUNCTION app.current_tenant() IS 'The tenant that the session works for, from the setting app.tenant_id';

-- forge:step 17 create function app.order_total(bigint, timestamp with time zone)
CREATE OR REPLACE FUNCTION app.order_total(order_id bigint, placed_at timestamp with time zone)
 RETURNS numeric
 LANGUAGE sql
 STABLE
AS $function$
    -- `placed_at` lets the planner open one partition only.
    SELECT coalesce(sum(line.total), 0)
    FROM app.order_lines AS line
    WHERE line.order_id = order_total.order_id
      AND line.placed_at = order_total.placed_at
$function$;
COMMENT ON FUNCTION app.order_total(bigint, timestamp with time zone) IS 'Sum of the lines of an order';

COMMIT;
