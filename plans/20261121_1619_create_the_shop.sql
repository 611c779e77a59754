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
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SET array_nulls = on;

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

-- forge:step 18 create function app.place_order(uuid, app.address, jsonb)
CREATE OR REPLACE FUNCTION app.place_order(customer_id uuid, ship_to app.address, items jsonb)
 RETURNS bigint
 LANGUAGE plpgsql
 SET search_path TO ''
AS $function$
DECLARE
    new_order app.orders;
BEGIN
    INSERT INTO app.orders (tenant_id, customer_id, ship_to)
    VALUES (app.current_tenant(), place_order.customer_id, place_order.ship_to)
    RETURNING * INTO new_order;

    -- The price is the one that is valid now; it stays with the line whatever happens to the product later.
    INSERT INTO app.order_lines (order_id, placed_at, line, tenant_id, product_id, quantity, unit_price)
    SELECT new_order.id,
           new_order.placed_at,
           item.ordinality,
           new_order.tenant_id,
           price.product_id,
           (item.value ->> 'quantity')::integer,
           price.amount
    FROM jsonb_array_elements(place_order.items) WITH ORDINALITY AS item
    JOIN app.product_prices AS price
      ON price.product_id = (item.value ->> 'product_id')::uuid
     AND price.valid @> new_order.placed_at;

    IF NOT FOUND THEN
        RAISE EXCEPTION 'an order needs at least one product that has a price today';
    END IF;

    RETURN new_order.id;
END
$function$;
REVOKE EXECUTE ON FUNCTION app.place_order(uuid, app.address, jsonb) FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.place_order(uuid, app.address, jsonb) TO shop_app;
COMMENT ON FUNCTION app.place_order(uuid, app.address, jsonb) IS 'Places an order for [{"product_id": …, "quantity": …}, …] and returns its id';

-- forge:step 19 create function app.touch_updated_at()
CREATE OR REPLACE FUNCTION app.touch_updated_at()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END
$function$;
COMMENT ON FUNCTION app.touch_updated_at() IS 'Keeps updated_at true, whoever writes the row';

-- forge:step 20 create function audit.record_change()
CREATE OR REPLACE FUNCTION audit.record_change()
 RETURNS trigger
 LANGUAGE plpgsql
 SECURITY DEFINER
 SET search_path TO ''
AS $function$
DECLARE
    before jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END;
    after jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END;
BEGIN
    INSERT INTO audit.log (tenant_id, relation, operation, before, after)
    VALUES ((coalesce(after, before) ->> 'tenant_id')::uuid, TG_RELID, TG_OP, before, after);
    RETURN NULL;
END
$function$;
REVOKE EXECUTE ON FUNCTION audit.record_change() FROM PUBLIC;
COMMENT ON FUNCTION audit.record_change() IS 'Trigger function: writes the row to audit.log as it was and as it is';

-- forge:step 21 create function audit.refuse_change()
CREATE OR REPLACE FUNCTION audit.refuse_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_RELID::regclass
        USING ERRCODE = 'insufficient_privilege';
END
$function$;
COMMENT ON FUNCTION audit.refuse_change() IS 'Grants bind roles; this binds the owner too';

-- forge:step 22 create table app.order_lines
CREATE TABLE app.order_lines (
    order_id bigint NOT NULL,
    placed_at timestamp with time zone NOT NULL,
    line smallint NOT NULL,
    tenant_id uuid NOT NULL,
    product_id uuid NOT NULL,
    quantity integer NOT NULL,
    unit_price app.amount NOT NULL,
    total numeric(14,2) GENERATED ALWAYS AS (((quantity)::numeric * (unit_price)::numeric)) STORED,
    CONSTRAINT order_lines_pkey PRIMARY KEY (order_id, placed_at, line),
    CONSTRAINT order_lines_quantity_positive CHECK ((quantity > 0))
)
PARTITION BY RANGE (placed_at);
GRANT INSERT, SELECT ON TABLE app.order_lines TO shop_app;
COMMENT ON TABLE app.order_lines IS 'The products of an order';
COMMENT ON COLUMN app.order_lines.unit_price IS 'The price on the day of the order';

-- forge:step 23 create index app.order_lines_product_idx
CREATE INDEX order_lines_product_idx ON app.order_lines USING btree (product_id);

-- forge:step 24 create policy app.order_lines.tenant_isolation
CREATE POLICY tenant_isolation ON app.order_lines TO shop_app
    USING ((tenant_id = app.current_tenant()));

-- forge:step 25 alter table app.order_lines
-- turn its row security on
-- lock: AccessExclusive on app.order_lines · reads and writes wait
ALTER TABLE app.order_lines ENABLE ROW LEVEL SECURITY;

-- forge:step 26 create table app.order_lines_2026_01
CREATE TABLE app.order_lines_2026_01 PARTITION OF app.order_lines FOR VALUES FROM ('2026-01-01 00:00:00+00') TO ('2026-02-01 00:00:00+00');

-- forge:step 27 create table app.order_lines_2026_02
CREATE TABLE app.order_lines_2026_02 PARTITION OF app.order_lines FOR VALUES FROM ('2026-02-01 00:00:00+00') TO ('2026-03-01 00:00:00+00');

-- forge:step 28 create table app.order_lines_2026_03
CREATE TABLE app.order_lines_2026_03 PARTITION OF app.order_lines FOR VALUES FROM ('2026-03-01 00:00:00+00') TO ('2026-04-01 00:00:00+00');

-- forge:step 29 create table app.order_lines_other
CREATE TABLE app.order_lines_other PARTITION OF app.order_lines DEFAULT;

-- forge:step 30 create table app.orders
CREATE TABLE app.orders (
    id bigint GENERATED ALWAYS AS IDENTITY,
    placed_at timestamp with time zone DEFAULT now() NOT NULL,
    tenant_id uuid NOT NULL,
    customer_id uuid NOT NULL,
    number bigint DEFAULT nextval('app.order_number'::regclass) NOT NULL,
    status app.order_status DEFAULT 'placed'::app.order_status NOT NULL,
    ship_to app.address NOT NULL,
    note text,
    CONSTRAINT orders_pkey PRIMARY KEY (id, placed_at)
)
PARTITION BY RANGE (placed_at);

-- forge:step 31 alter sequence app.order_number
-- let it go with app.orders.number
-- lock: ShareRowExclusive on app.order_number · reads go on, writes wait
ALTER SEQUENCE app.order_number OWNED BY app.orders.number;

-- forge:step 32 create grant on table app.orders to shop_app
GRANT INSERT, SELECT ON TABLE app.orders TO shop_app;

-- forge:step 33 create grant on column app.orders.note to shop_app
GRANT UPDATE (note) ON TABLE app.orders TO shop_app;

-- forge:step 34 create grant on column app.orders.status to shop_app
GRANT UPDATE (status) ON TABLE app.orders TO shop_app;

-- forge:step 35 create comment on table app.orders
COMMENT ON TABLE app.orders IS 'What a customer ordered from a tenant';

-- forge:step 36 create comment on column app.orders.number
COMMENT ON COLUMN app.orders.number IS 'The number that the customer sees';

-- forge:step 37 create index app.orders_customer_idx
CREATE INDEX orders_customer_idx ON app.orders USING btree (customer_id);

-- forge:step 38 create index app.orders_open_idx
CREATE INDEX orders_open_idx ON app.orders USING btree (tenant_id, status) WHERE (status < 'delivered'::app.order_status);

-- forge:step 39 create index app.orders_tenant_idx
CREATE INDEX orders_tenant_idx ON app.orders USING btree (tenant_id, placed_at DESC);

-- forge:step 40 create trigger app.orders.record_change
CREATE TRIGGER record_change AFTER INSERT OR DELETE OR UPDATE ON app.orders FOR EACH ROW EXECUTE FUNCTION audit.record_change();

-- forge:step 41 create policy app.orders.tenant_isolation
CREATE POLICY tenant_isolation ON app.orders TO shop_app
    USING ((tenant_id = app.current_tenant()));

-- forge:step 42 alter table app.orders
-- turn its row security on
-- lock: AccessExclusive on app.orders · reads and writes wait
ALTER TABLE app.orders ENABLE ROW LEVEL SECURITY;

-- forge:step 43 create table app.orders_2026_01
CREATE TABLE app.orders_2026_01 PARTITION OF app.orders FOR VALUES FROM ('2026-01-01 00:00:00+00') TO ('2026-02-01 00:00:00+00');

-- forge:step 44 create table app.orders_2026_02
CREATE TABLE app.orders_2026_02 PARTITION OF app.orders FOR VALUES FROM ('2026-02-01 00:00:00+00') TO ('2026-03-01 00:00:00+00');

-- forge:step 45 create table app.orders_2026_03
CREATE TABLE app.orders_2026_03 PARTITION OF app.orders FOR VALUES FROM ('2026-03-01 00:00:00+00') TO ('2026-04-01 00:00:00+00');

-- forge:step 46 create table app.orders_other
CREATE TABLE app.orders_other PARTITION OF app.orders DEFAULT;
COMMENT ON TABLE app.orders_other IS 'Catches what no month takes; a monthly job reports when it is not empty';

-- forge:step 47 create constraint app.order_lines.order_lines_order_fkey
ALTER TABLE app.order_lines ADD CONSTRAINT order_lines_order_fkey FOREIGN KEY (order_id, placed_at) REFERENCES app.orders(id, placed_at) ON DELETE CASCADE;

-- forge:step 48 create table app.tenants
CREATE TABLE app.tenants (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    slug app.slug NOT NULL,
    name text NOT NULL,
    currency app.currency NOT NULL,
    billing_contact_id uuid,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    closed_at timestamp with time zone,
    CONSTRAINT tenants_pkey PRIMARY KEY (id),
    CONSTRAINT tenants_slug_key UNIQUE (slug),
    CONSTRAINT tenants_closed_after_created CHECK ((closed_at > created_at))
);

-- forge:step 49 create table app.categories
CREATE TABLE app.categories (
    id integer GENERATED BY DEFAULT AS IDENTITY,
    tenant_id uuid NOT NULL,
    parent_id integer,
    slug app.slug NOT NULL,
    title text NOT NULL,
    CONSTRAINT categories_pkey PRIMARY KEY (id),
    CONSTRAINT categories_slug_key UNIQUE (tenant_id, slug),
    CONSTRAINT categories_tenant_id_key UNIQUE (tenant_id, id),
    CONSTRAINT categories_not_own_parent CHECK ((parent_id <> id)),
    CONSTRAINT categories_parent_fkey FOREIGN KEY (tenant_id, parent_id) REFERENCES app.categories(tenant_id, id),
    CONSTRAINT categories_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app.tenants(id)
);
GRANT DELETE, INSERT, SELECT, UPDATE ON TABLE app.categories TO shop_app;
GRANT SELECT ON TABLE app.categories TO shop_readonly;
COMMENT ON TABLE app.categories IS 'The tree that products are found in';
COMMENT ON COLUMN app.categories.parent_id IS 'Null at the top of the tree';

-- forge:step 50 create index app.categories_parent_idx
CREATE INDEX categories_parent_idx ON app.categories USING btree (tenant_id, parent_id);

-- forge:step 51 create policy app.categories.all_tenants
CREATE POLICY all_tenants ON app.categories FOR SELECT TO shop_readonly
    USING (true);

-- forge:step 52 create policy app.categories.tenant_isolation
CREATE POLICY tenant_isolation ON app.categories TO shop_app
    USING ((tenant_id = app.current_tenant()));

-- forge:step 53 alter table app.categories
-- turn its row security on
-- lock: AccessExclusive on app.categories · reads and writes wait
ALTER TABLE app.categories ENABLE ROW LEVEL SECURITY;

-- forge:step 54 create constraint app.orders.orders_tenant_id_fkey
ALTER TABLE app.orders ADD CONSTRAINT orders_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app.tenants(id);

-- forge:step 55 create table app.payments
CREATE TABLE app.payments (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    tenant_id uuid NOT NULL,
    order_id bigint NOT NULL,
    order_placed_at timestamp with time zone NOT NULL,
    amount app.amount NOT NULL,
    currency app.currency NOT NULL,
    state app.payment_state DEFAULT 'pending'::app.payment_state NOT NULL,
    provider_reference text,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    settled_at timestamp with time zone,
    CONSTRAINT payments_pkey PRIMARY KEY (id),
    CONSTRAINT payments_provider_reference_key UNIQUE (provider_reference) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT payments_settled_has_time CHECK (((state = ANY (ARRAY['settled'::app.payment_state, 'refunded'::app.payment_state])) = (settled_at IS NOT NULL))),
    CONSTRAINT payments_order_fkey FOREIGN KEY (order_id, order_placed_at) REFERENCES app.orders(id, placed_at),
    CONSTRAINT payments_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app.tenants(id)
);
GRANT INSERT, SELECT ON TABLE app.payments TO shop_app;
GRANT UPDATE (settled_at) ON TABLE app.payments TO shop_app;
GRANT UPDATE (state) ON TABLE app.payments TO shop_app;
COMMENT ON TABLE app.payments IS 'Money for an order; a refund is the same payment in another state';
COMMENT ON COLUMN app.payments.provider_reference IS 'Null until the provider has answered';

-- forge:step 56 create index app.payments_order_idx
CREATE INDEX payments_order_idx ON app.payments USING btree (order_id, order_placed_at);

-- forge:step 57 create index app.payments_unsettled_idx
CREATE INDEX payments_unsettled_idx ON app.payments USING btree (created_at) WHERE (settled_at IS NULL);

-- forge:step 58 create trigger app.payments.record_change
CREATE TRIGGER record_change AFTER INSERT OR DELETE OR UPDATE ON app.payments FOR EACH ROW EXECUTE FUNCTION audit.record_change();

-- forge:step 59 create policy app.payments.tenant_isolation
CREATE POLICY tenant_isolation ON app.payments
    USING ((tenant_id = app.current_tenant()));
COMMENT ON POLICY tenant_isolation ON app.payments IS 'For every role';

-- forge:step 60 alter table app.payments
-- turn its row security on
-- lock: AccessExclusive on app.payments · reads and writes wait
ALTER TABLE app.payments ENABLE ROW LEVEL SECURITY;

-- forge:step 61 alter table app.payments
-- let its row security hold for the owner
-- lock: AccessExclusive on app.payments · reads and writes wait
ALTER TABLE app.payments FORCE ROW LEVEL SECURITY;

-- forge:step 62 create table app.products
CREATE TABLE app.products (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    tenant_id uuid NOT NULL,
    category_id integer,
    sku text COLLATE pg_catalog."C" NOT NULL,
    name text NOT NULL,
    description text,
    tags text[] DEFAULT '{}'::text[] NOT NULL,
    published boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    search tsvector GENERATED ALWAYS AS ((setweight(to_tsvector('english'::regconfig, name), 'A'::"char") || setweight(to_tsvector('english'::regconfig, COALESCE(description, ''::text)), 'B'::"char"))) STORED NOT NULL,
    CONSTRAINT products_pkey PRIMARY KEY (id),
    CONSTRAINT products_sku_key UNIQUE (tenant_id, sku),
    CONSTRAINT products_name_not_blank CHECK ((btrim(name) <> ''::text)),
    CONSTRAINT products_category_fkey FOREIGN KEY (tenant_id, category_id) REFERENCES app.categories(tenant_id, id),
    CONSTRAINT products_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app.tenants(id)
);

-- forge:step 63 create function app.search_products(text, integer)
CREATE OR REPLACE FUNCTION app.search_products(query text, max_results integer DEFAULT 20)
 RETURNS SETOF app.products
 LANGUAGE sql
 STABLE
AS $function$
    SELECT product.*
    FROM app.products AS product,
         websearch_to_tsquery('english', query) AS words
    WHERE product.search @@ words
      AND product.published
    ORDER BY ts_rank(product.search, words) DESC, product.id
    LIMIT max_results
$function$;
COMMENT ON FUNCTION app.search_products(text, integer) IS 'Published products that match, best first';

-- forge:step 64 create constraint app.order_lines.order_lines_product_id_fkey
ALTER TABLE app.order_lines ADD CONSTRAINT order_lines_product_id_fkey FOREIGN KEY (product_id) REFERENCES app.products(id);

-- forge:step 65 create table app.product_prices
CREATE TABLE app.product_prices (
    product_id uuid NOT NULL,
    tenant_id uuid NOT NULL,
    valid tstzrange DEFAULT tstzrange(now(), NULL::timestamp with time zone) NOT NULL,
    amount app.amount NOT NULL,
    CONSTRAINT product_prices_one_at_a_time EXCLUDE USING gist (product_id WITH =, valid WITH &&),
    CONSTRAINT product_prices_valid_not_empty CHECK ((NOT isempty(valid))),
    CONSTRAINT product_prices_product_id_fkey FOREIGN KEY (product_id) REFERENCES app.products(id) ON DELETE CASCADE,
    CONSTRAINT product_prices_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app.tenants(id)
);
GRANT INSERT, SELECT ON TABLE app.product_prices TO shop_app;
GRANT SELECT ON TABLE app.product_prices TO shop_readonly;
GRANT UPDATE (valid) ON TABLE app.product_prices TO shop_app;
COMMENT ON TABLE app.product_prices IS 'What a product costs, and when';
COMMENT ON CONSTRAINT product_prices_one_at_a_time ON app.product_prices IS 'Two prices of a product never hold at the same time';

-- forge:step 66 create index app.product_prices_tenant_idx
CREATE INDEX product_prices_tenant_idx ON app.product_prices USING btree (tenant_id);

-- forge:step 67 create trigger app.product_prices.record_change
CREATE TRIGGER record_change AFTER INSERT OR DELETE OR UPDATE ON app.product_prices FOR EACH ROW EXECUTE FUNCTION audit.record_change();

-- forge:step 68 create policy app.product_prices.all_tenants
CREATE POLICY all_tenants ON app.product_prices FOR SELECT TO shop_readonly
    USING (true);

-- forge:step 69 create policy app.product_prices.tenant_isolation
CREATE POLICY tenant_isolation ON app.product_prices TO shop_app
    USING ((tenant_id = app.current_tenant()));

-- forge:step 70 alter table app.product_prices
-- turn its row security on
-- lock: AccessExclusive on app.product_prices · reads and writes wait
ALTER TABLE app.product_prices ENABLE ROW LEVEL SECURITY;

-- forge:step 71 create grant on table app.products to shop_app
GRANT DELETE, INSERT, SELECT, UPDATE ON TABLE app.products TO shop_app;

-- forge:step 72 create grant on table app.products to shop_readonly
GRANT SELECT ON TABLE app.products TO shop_readonly;

-- forge:step 73 create comment on table app.products
COMMENT ON TABLE app.products IS 'What a tenant sells';

-- forge:step 74 create comment on column app.products.search
COMMENT ON COLUMN app.products.search IS 'What app.search_products looks at';

-- forge:step 75 create comment on column app.products.sku
COMMENT ON COLUMN app.products.sku IS 'Stock keeping unit: the name in the tenant''s own books';

-- forge:step 76 create index app.products_category_idx
CREATE INDEX products_category_idx ON app.products USING btree (tenant_id, category_id);

-- forge:step 77 create index app.products_name_trgm_idx
CREATE INDEX products_name_trgm_idx ON app.products USING gin (name extensions.gin_trgm_ops);
COMMENT ON INDEX app.products_name_trgm_idx IS 'For names by any part of them, as typed';

-- forge:step 78 create index app.products_published_idx
CREATE INDEX products_published_idx ON app.products USING btree (tenant_id, created_at DESC) INCLUDE (name) WHERE published;

-- forge:step 79 create index app.products_search_idx
CREATE INDEX products_search_idx ON app.products USING gin (search);

-- forge:step 80 create index app.products_tags_idx
CREATE INDEX products_tags_idx ON app.products USING gin (tags);

-- forge:step 81 create trigger app.products.record_change
CREATE TRIGGER record_change AFTER INSERT OR DELETE OR UPDATE ON app.products FOR EACH ROW EXECUTE FUNCTION audit.record_change();

-- forge:step 82 create trigger app.products.touch_updated_at
CREATE TRIGGER touch_updated_at BEFORE UPDATE ON app.products FOR EACH ROW EXECUTE FUNCTION app.touch_updated_at();

-- forge:step 83 create policy app.products.all_tenants
CREATE POLICY all_tenants ON app.products FOR SELECT TO shop_readonly
    USING (published);

-- forge:step 84 create policy app.products.tenant_isolation
CREATE POLICY tenant_isolation ON app.products TO shop_app
    USING ((tenant_id = app.current_tenant()));

-- forge:step 85 alter table app.products
-- turn its row security on
-- lock: AccessExclusive on app.products · reads and writes wait
ALTER TABLE app.products ENABLE ROW LEVEL SECURITY;

-- forge:step 86 create grant on table app.tenants to shop_app
GRANT SELECT ON TABLE app.tenants TO shop_app;

-- forge:step 87 create grant on table app.tenants to shop_readonly
GRANT SELECT ON TABLE app.tenants TO shop_readonly;

-- forge:step 88 create comment on table app.tenants
COMMENT ON TABLE app.tenants IS 'A shop among the shops';

-- forge:step 89 create comment on column app.tenants.closed_at
COMMENT ON COLUMN app.tenants.closed_at IS 'When the tenant left; its rows are kept for the books';

-- forge:step 90 create index app.tenants_billing_contact_idx
CREATE INDEX tenants_billing_contact_idx ON app.tenants USING btree (billing_contact_id);

-- forge:step 91 create policy app.tenants.all_tenants
CREATE POLICY all_tenants ON app.tenants FOR SELECT TO shop_readonly
    USING (true);

-- forge:step 92 create policy app.tenants.own_tenant
CREATE POLICY own_tenant ON app.tenants TO shop_app
    USING ((id = app.current_tenant()));

-- forge:step 93 alter table app.tenants
-- turn its row security on
-- lock: AccessExclusive on app.tenants · reads and writes wait
ALTER TABLE app.tenants ENABLE ROW LEVEL SECURITY;

-- forge:step 94 create table app.users
CREATE TABLE app.users (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    email extensions.citext NOT NULL,
    display_name text NOT NULL,
    home_tenant_id uuid,
    preferences jsonb DEFAULT '{}'::jsonb NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    disabled_at timestamp with time zone,
    CONSTRAINT users_pkey PRIMARY KEY (id),
    CONSTRAINT users_preferences_is_object CHECK ((jsonb_typeof(preferences) = 'object'::text))
);

-- forge:step 95 create table app.identities
CREATE TABLE app.identities (
    id bigint GENERATED ALWAYS AS IDENTITY,
    user_id uuid NOT NULL,
    provider text NOT NULL,
    subject text NOT NULL,
    last_used_at timestamp with time zone,
    CONSTRAINT identities_pkey PRIMARY KEY (id),
    CONSTRAINT identities_provider_subject_key UNIQUE (provider, subject),
    CONSTRAINT identities_provider_known CHECK ((provider = ANY (ARRAY['password'::text, 'google'::text, 'github'::text, 'saml'::text]))),
    CONSTRAINT identities_user_id_fkey FOREIGN KEY (user_id) REFERENCES app.users(id) ON DELETE CASCADE
);
GRANT INSERT, SELECT, UPDATE ON TABLE app.identities TO shop_app;
COMMENT ON TABLE app.identities IS 'A way for a user to sign in';
COMMENT ON COLUMN app.identities.subject IS 'The name that the provider knows the user by';

-- forge:step 96 create index app.identities_user_idx
CREATE INDEX identities_user_idx ON app.identities USING btree (user_id);

-- forge:step 97 create table app.memberships
CREATE TABLE app.memberships (
    tenant_id uuid NOT NULL,
    user_id uuid NOT NULL,
    role app.member_role DEFAULT 'viewer'::app.member_role NOT NULL,
    since date DEFAULT CURRENT_DATE NOT NULL,
    CONSTRAINT memberships_pkey PRIMARY KEY (tenant_id, user_id),
    CONSTRAINT memberships_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES app.tenants(id),
    CONSTRAINT memberships_user_id_fkey FOREIGN KEY (user_id) REFERENCES app.users(id) ON DELETE CASCADE
);
GRANT DELETE, INSERT, SELECT, UPDATE ON TABLE app.memberships TO shop_app;
COMMENT ON TABLE app.memberships IS 'Who works for which tenant, and as what';

-- forge:step 98 create index app.memberships_user_idx
CREATE INDEX memberships_user_idx ON app.memberships USING btree (user_id);

-- forge:step 99 create policy app.memberships.tenant_isolation
CREATE POLICY tenant_isolation ON app.memberships TO shop_app
    USING ((tenant_id = app.current_tenant()));

-- forge:step 100 alter table app.memberships
-- turn its row security on
-- lock: AccessExclusive on app.memberships · reads and writes wait
ALTER TABLE app.memberships ENABLE ROW LEVEL SECURITY;

-- forge:step 101 create constraint app.orders.orders_customer_id_fkey
ALTER TABLE app.orders ADD CONSTRAINT orders_customer_id_fkey FOREIGN KEY (customer_id) REFERENCES app.users(id);

-- forge:step 102 create constraint app.tenants.tenants_billing_contact_fkey
ALTER TABLE app.tenants ADD CONSTRAINT tenants_billing_contact_fkey FOREIGN KEY (billing_contact_id) REFERENCES app.users(id) ON DELETE SET NULL;

-- forge:step 103 create grant on table app.users to shop_app
GRANT INSERT, SELECT, UPDATE ON TABLE app.users TO shop_app;

-- forge:step 104 create grant on column app.users.created_at to shop_readonly
GRANT SELECT (created_at) ON TABLE app.users TO shop_readonly;

-- forge:step 105 create grant on column app.users.disabled_at to shop_readonly
GRANT SELECT (disabled_at) ON TABLE app.users TO shop_readonly;

-- forge:step 106 create grant on column app.users.id to shop_readonly
GRANT SELECT (id) ON TABLE app.users TO shop_readonly;

-- forge:step 107 create comment on table app.users
COMMENT ON TABLE app.users IS 'A person, who may work or buy for several tenants';

-- forge:step 108 create comment on column app.users.email
COMMENT ON COLUMN app.users.email IS 'Compared without regard to case';

-- forge:step 109 create constraint app.users.users_home_tenant_fkey
ALTER TABLE app.users ADD CONSTRAINT users_home_tenant_fkey FOREIGN KEY (home_tenant_id) REFERENCES app.tenants(id);

-- forge:step 110 create index app.users_email_key
CREATE UNIQUE INDEX users_email_key ON app.users USING btree (email) WHERE (disabled_at IS NULL);
COMMENT ON INDEX app.users_email_key IS 'Also the index of the sign-in query';

-- forge:step 111 create index app.users_home_tenant_idx
CREATE INDEX users_home_tenant_idx ON app.users USING btree (home_tenant_id);

-- forge:step 112 create trigger app.users.record_change
CREATE TRIGGER record_change AFTER INSERT OR DELETE OR UPDATE ON app.users FOR EACH ROW EXECUTE FUNCTION audit.record_change();

-- forge:step 113 create trigger app.users.touch_updated_at
CREATE TRIGGER touch_updated_at BEFORE UPDATE ON app.users FOR EACH ROW WHEN ((old.* IS DISTINCT FROM new.*)) EXECUTE FUNCTION app.touch_updated_at();

-- forge:step 114 create table audit.log
CREATE TABLE audit.log (
    id bigint GENERATED ALWAYS AS IDENTITY,
    at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
    actor text DEFAULT SESSION_USER NOT NULL,
    tenant_id uuid,
    relation regclass NOT NULL,
    operation text NOT NULL,
    before jsonb,
    after jsonb,
    CONSTRAINT log_pkey PRIMARY KEY (id),
    CONSTRAINT log_operation_known CHECK ((operation = ANY (ARRAY['INSERT'::text, 'UPDATE'::text, 'DELETE'::text]))),
    CONSTRAINT log_says_something CHECK ((num_nonnulls(before, after) > 0))
);
GRANT SELECT ON TABLE audit.log TO shop_readonly;
COMMENT ON TABLE audit.log IS 'Append-only';

-- forge:step 115 create index audit.log_at_idx
CREATE INDEX log_at_idx ON audit.log USING brin (at);

-- forge:step 116 create index audit.log_tenant_idx
CREATE INDEX log_tenant_idx ON audit.log USING btree (tenant_id, relation);

-- forge:step 117 create trigger audit.log.append_only
CREATE TRIGGER append_only BEFORE DELETE OR UPDATE ON audit.log FOR EACH ROW EXECUTE FUNCTION audit.refuse_change();

-- forge:step 118 alter trigger audit.log.append_only
-- set its state to ENABLE ALWAYS
-- lock: ShareRowExclusive on audit.log · reads go on, writes wait
ALTER TABLE audit.log ENABLE ALWAYS TRIGGER append_only;

-- forge:step 119 create comment on trigger audit.log.append_only
COMMENT ON TRIGGER append_only ON audit.log IS 'A wrong entry is corrected by another entry';

-- forge:step 120 create trigger audit.log.never_truncated
CREATE TRIGGER never_truncated BEFORE TRUNCATE ON audit.log FOR EACH STATEMENT EXECUTE FUNCTION audit.refuse_change();

-- forge:step 121 create view app.order_summary
CREATE VIEW app.order_summary WITH (security_barrier=true) AS
 SELECT o.id,
    o.placed_at,
    o.number,
    o.status,
    customer.display_name AS customer,
    (o.ship_to).country AS country,
    app.order_total(o.id, o.placed_at) AS total,
    paid.amount AS paid
   FROM ((app.orders o
     JOIN app.users customer ON ((customer.id = o.customer_id)))
     LEFT JOIN LATERAL ( SELECT sum((p.amount)::numeric) AS amount
           FROM app.payments p
          WHERE ((p.order_id = o.id) AND (p.order_placed_at = o.placed_at) AND (p.state = 'settled'::app.payment_state))) paid ON (true))
  WHERE (o.tenant_id = app.current_tenant());
GRANT SELECT ON TABLE app.order_summary TO shop_app;
GRANT SELECT ON TABLE app.order_summary TO shop_readonly;
COMMENT ON VIEW app.order_summary IS 'The list of orders in the back office';
COMMENT ON COLUMN app.order_summary.paid IS 'Null when nothing has been paid';

-- forge:step 122 create view app.product_catalog
CREATE VIEW app.product_catalog WITH (security_barrier=true) AS
 SELECT product.id,
    product.sku,
    product.name,
    category.title AS category,
    price.amount AS price,
    tenant.currency
   FROM (((app.products product
     JOIN app.tenants tenant ON ((tenant.id = product.tenant_id)))
     LEFT JOIN app.categories category ON ((category.id = product.category_id)))
     LEFT JOIN app.product_prices price ON (((price.product_id = product.id) AND (price.valid @> now()))))
  WHERE (product.published AND (product.tenant_id = app.current_tenant()));
GRANT SELECT ON TABLE app.product_catalog TO shop_app;
GRANT SELECT ON TABLE app.product_catalog TO shop_readonly;
COMMENT ON VIEW app.product_catalog IS 'What the shop window shows';

-- forge:step 123 create materialized view app.monthly_revenue
CREATE MATERIALIZED VIEW app.monthly_revenue AS
 SELECT o.tenant_id,
    (date_trunc('month'::text, (o.placed_at AT TIME ZONE 'UTC'::text)))::date AS month,
    count(DISTINCT o.id) AS orders,
    sum(line.total) AS revenue
   FROM (app.orders o
     JOIN app.order_lines line ON (((line.order_id = o.id) AND (line.placed_at = o.placed_at))))
  WHERE (o.status <> 'cancelled'::app.order_status)
  GROUP BY o.tenant_id, ((date_trunc('month'::text, (o.placed_at AT TIME ZONE 'UTC'::text)))::date);
GRANT SELECT ON TABLE app.monthly_revenue TO shop_readonly;
COMMENT ON MATERIALIZED VIEW app.monthly_revenue IS 'Turnover by tenant and month, in the currency of the tenant';

-- forge:step 124 create index app.monthly_revenue_key
CREATE UNIQUE INDEX monthly_revenue_key ON app.monthly_revenue USING btree (tenant_id, month);

-- forge:step 125 create default privilege audit.postgres.tables to shop_readonly
-- hazard: changes-access · of objects that are created from now on
ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA audit GRANT SELECT ON TABLES TO shop_readonly;

COMMIT;
