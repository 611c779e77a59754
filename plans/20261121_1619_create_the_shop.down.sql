-- forge:format 1
-- forge:revision 06ef5adbedac
-- forge:message create the shop
-- forge:author forge <forge@example.com>
-- forge:created 2026-11-21T16:19:41Z
-- forge:postgres 15
-- forge:from 9b2e3c3b64eea78c388c02b5660cf1a6
-- forge:to 1f0ad78fa841d098fbe87f32794fdec0
-- forge:semver 0.1.0
-- forge:approved_by forge <forge@example.com>
-- forge:approved_at 2026-11-27T11:17:18Z
-- forge:sha256 a5aa2efa66c4ce2450c3961e5312c3772a7040e3cb1944fa8e13204b68bbf6f1

SELECT pg_catalog.set_config('search_path', '', false);
SET check_function_bodies = off;
SET client_encoding = 'UTF8';
SET standard_conforming_strings = on;
SET array_nulls = on;

BEGIN;

-- forge:step 1 drop function app.cancel_stale_orders(interval)
-- forge:expects function app.cancel_stale_orders(interval) 8da5d4a869a8
-- hazard: breaks-application · whoever still calls it fails
DROP PROCEDURE app.cancel_stale_orders(interval);

-- forge:step 2 drop function app.place_order(uuid, app.address, jsonb)
-- forge:expects function app.place_order(uuid, app.address, jsonb) 36a54d52f8ea
-- hazard: breaks-application · whoever still calls it fails
DROP FUNCTION app.place_order(uuid, app.address, jsonb);

-- forge:step 3 drop function app.search_products(text, integer)
-- forge:expects function app.search_products(text, integer) 19db6f4be908
-- hazard: breaks-application · whoever still calls it fails
DROP FUNCTION app.search_products(text, integer);

-- forge:step 4 drop table app.identities
-- forge:expects table app.identities ad5146bc7d87
-- lock: AccessExclusive on app.identities · reads and writes wait
-- hazard: deletes-data · the rows of app.identities go with it
-- hazard: breaks-application · whoever still uses the table fails
DROP TABLE app.identities;

-- forge:step 5 drop table app.memberships
-- forge:expects table app.memberships f7a19c490373
-- lock: AccessExclusive on app.memberships · reads and writes wait
-- hazard: deletes-data · the rows of app.memberships go with it
-- hazard: breaks-application · whoever still uses the table fails
DROP TABLE app.memberships;

-- forge:step 6 drop enum app.member_role
-- forge:expects enum app.member_role c36a77dcea13
DROP TYPE app.member_role;

-- forge:step 7 drop constraint app.order_lines.order_lines_order_fkey
-- forge:expects constraint app.order_lines.order_lines_order_fkey fbacfaeaefba
-- lock: AccessExclusive on app.order_lines · reads and writes wait
-- lock: AccessExclusive on app.orders · reads and writes wait
ALTER TABLE app.order_lines DROP CONSTRAINT order_lines_order_fkey;

-- forge:step 8 drop constraint app.order_lines.order_lines_product_id_fkey
-- forge:expects constraint app.order_lines.order_lines_product_id_fkey dfdcc2356e7f
-- lock: AccessExclusive on app.order_lines · reads and writes wait
-- lock: AccessExclusive on app.products · reads and writes wait
ALTER TABLE app.order_lines DROP CONSTRAINT order_lines_product_id_fkey;

-- forge:step 9 drop table app.order_lines_2026_01
-- forge:expects table app.order_lines_2026_01 afbdc2440f03
-- lock: AccessExclusive on app.order_lines_2026_01 · reads and writes wait
-- lock: AccessExclusive on app.order_lines · reads and writes wait
-- hazard: deletes-data · the rows of app.order_lines_2026_01 go with it
-- hazard: breaks-application · whoever still uses the table fails
DROP TABLE app.order_lines_2026_01;

-- forge:step 10 drop table app.order_lines_2026_02
-- forge:expects table app.order_lines_2026_02 b115d79247e4
-- lock: AccessExclusive on app.order_lines_2026_02 · reads and writes wait
-- lock: AccessExclusive on app.order_lines · reads and writes wait
-- hazard: deletes-data · the rows of app.order_lines_2026_02 go with it
-- hazard: breaks-application · whoever still uses the table fails
DROP TABLE app.order_lines_2026_02;

-- forge:step 11 drop table app.order_lines_2026_03
-- forge:expects table app.order_lines_2026_03 0e704e7b928a
-- lock: AccessExclusive on app.order_lines_2026_03 · reads and writes wait
-- lock: AccessExclusive on app.order_lines · reads and writes wait
-- hazard: deletes-data · the rows of app.order_lines_2026_03 go with it
-- hazard: breaks-application · whoever still uses the table fails
DROP TABLE app.order_lines_2026_03;

-- forge:step 12 drop table app.order_lines_other
-- forge:expects table app.order_lines_other da12487311c4
-- lock: AccessExclusive on app.order_lines_other · reads and writes wait
-- lock: AccessExclusive on app.order_lines · reads and writes wait
-- hazard: deletes-data · the rows of app.order_lines_other go with it
-- hazard: breaks-application · whoever still uses the table fails
DROP TABLE app.order_lines_other;

-- forge:step 13 drop constraint app.orders.orders_customer_id_fkey
-- forge:expects constraint app.orders.orders_customer_id_fkey de2074d6e4ef
-- lock: AccessExclusive on app.orders · reads and writes wait
-- lock: AccessExclusive on app.users · reads and writes wait
ALTER TABLE app.orders DROP CONSTRAINT orders_customer_id_fkey;

-- forge:step 14 drop constraint app.orders.orders_tenant_id_fkey
-- forge:expects constraint app.orders.orders_tenant_id_fkey 2b67445c1f8a
-- lock: AccessExclusive on app.orders · reads and writes wait
-- lock: AccessExclusive on app.tenants · reads and writes wait
ALTER TABLE app.orders DROP CONSTRAINT orders_tenant_id_fkey;

-- forge:step 15 drop constraint app.tenants.tenants_billing_contact_fkey
-- forge:expects constraint app.tenants.tenants_billing_contact_fkey 352883bb0159
-- lock: AccessExclusive on app.tenants · reads and writes wait
-- lock: AccessExclusive on app.users · reads and writes wait
ALTER TABLE app.tenants DROP CONSTRAINT tenants_billing_contact_fkey;

-- forge:step 16 drop constraint app.users.users_home_tenant_fkey
-- forge:expects constraint app.users.users_home_tenant_fkey 0dbf5eee184d
-- lock: AccessExclusive on app.users · reads and writes wait
-- lock: AccessExclusive on app.tenants · reads and writes wait
ALTER TABLE app.users DROP CONSTRAINT users_home_tenant_fkey;

-- forge:step 17 drop table audit.log
-- forge:expects table audit.log 6dc72ac9cb38
-- lock: AccessExclusive on audit.log · reads and writes wait
-- hazard: deletes-data · the rows of audit.log go with it
-- hazard: breaks-application · whoever still uses the table fails
DROP TABLE audit.log;

-- forge:step 18 drop function audit.refuse_change()
-- forge:expects function audit.refuse_change() 7c0b157b4961
-- hazard: breaks-application · whoever still calls it fails
DROP FUNCTION audit.refuse_change();

-- forge:step 19 drop view app.order_summary
-- forge:expects view app.order_summary ecab348eaf23
-- lock: AccessExclusive on app.order_summary · reads and writes wait
-- hazard: breaks-application · whoever still uses the view fails
DROP VIEW app.order_summary;

-- forge:step 20 drop function app.order_total(bigint, timestamp with time zone)
-- forge:expects function app.order_total(bigint, timestamp with time zone) f79b16911cf4
-- hazard: breaks-application · whoever still calls it fails
DROP FUNCTION app.order_total(bigint, timestamp with time zone);

-- forge:step 21 drop table app.payments
-- forge:expects table app.payments d6d76f1b27a8
-- lock: AccessExclusive on app.payments · reads and writes wait
-- hazard: deletes-data · the rows of app.payments go with it
-- hazard: breaks-application · whoever still uses the table fails
DROP TABLE app.payments;

-- forge:step 22 drop enum app.payment_state
-- forge:expects enum app.payment_state 5c8063f59c63
DROP TYPE app.payment_state;

-- forge:step 23 drop table app.orders_2026_01
-- forge:expects table app.orders_2026_01 918d5865fa54
-- lock: AccessExclusive on app.orders_2026_01 · reads and writes wait
-- lock: AccessExclusive on app.orders · reads and writes wait
-- hazard: deletes-data · the rows of app.orders_2026_01 go with it
-- hazard: breaks-application · whoever still uses the table fails
DROP TABLE app.orders_2026_01;

-- forge:step 24 drop table app.orders_2026_02
-- forge:expects table app.orders_2026_02 a03567452a28
-- lock: AccessExclusive on app.orders_2026_02 · reads and writes wait
-- lock: AccessExclusive on app.orders · reads and writes wait
-- hazard: deletes-data · the rows of app.orders_2026_02 go with it
-- hazard: breaks-application · whoever still uses the table fails
DROP TABLE app.orders_2026_02;

-- forge:step 25 drop table app.orders_2026_03
-- forge:expects table app.orders_2026_03 2bac27a2af84
-- lock: AccessExclusive on app.orders_2026_03 · reads and writes wait
-- lock: AccessExclusive on app.orders · reads and writes wait
-- hazard: deletes-data · the rows of app.orders_2026_03 go with it
-- hazard: breaks-application · whoever still uses the table fails
DROP TABLE app.orders_2026_03;

-- forge:step 26 drop table app.orders_other
-- forge:expects table app.orders_other ebf08df56449
-- lock: AccessExclusive on app.orders_other · reads and writes wait
-- lock: AccessExclusive on app.orders · reads and writes wait
-- hazard: deletes-data · the rows of app.orders_other go with it
-- hazard: breaks-application · whoever still uses the table fails
DROP TABLE app.orders_other;

-- forge:step 27 drop table app.users
-- forge:expects table app.users 7a10fd1e4822
-- lock: AccessExclusive on app.users · reads and writes wait
-- hazard: deletes-data · the rows of app.users go with it
-- hazard: breaks-application · whoever still uses the table fails
DROP TABLE app.users;

-- forge:step 28 drop extension citext
-- forge:expects extension citext 7d15d01ece1e
-- hazard: breaks-application · its functions, types and operators go with it
DROP EXTENSION citext;

-- forge:step 29 drop view app.product_catalog
-- forge:expects view app.product_catalog e741c7b07098
-- lock: AccessExclusive on app.product_catalog · reads and writes wait
-- hazard: breaks-application · whoever still uses the view fails
DROP VIEW app.product_catalog;

-- forge:step 30 drop table app.product_prices
-- forge:expects table app.product_prices c52766d5c6d0
-- lock: AccessExclusive on app.product_prices · reads and writes wait
-- hazard: deletes-data · the rows of app.product_prices go with it
-- hazard: breaks-application · whoever still uses the table fails
DROP TABLE app.product_prices;

-- forge:step 31 drop extension btree_gist
-- forge:expects extension btree_gist 96bfb39cfb8e
-- hazard: breaks-application · its functions, types and operators go with it
DROP EXTENSION btree_gist;

-- forge:step 32 drop table app.products
-- forge:expects table app.products 7beeec5d9d1a
-- lock: AccessExclusive on app.products · reads and writes wait
-- hazard: deletes-data · the rows of app.products go with it
-- hazard: breaks-application · whoever still uses the table fails
DROP TABLE app.products;

-- forge:step 33 drop extension pg_trgm
-- forge:expects extension pg_trgm e10ee00e403f
-- hazard: breaks-application · its functions, types and operators go with it
DROP EXTENSION pg_trgm;

-- forge:step 34 drop schema extensions
-- forge:expects schema extensions f9e2a371efe8
DROP SCHEMA extensions;

-- forge:step 35 drop function app.touch_updated_at()
-- forge:expects function app.touch_updated_at() 8a5fb433fcf8
-- hazard: breaks-application · whoever still calls it fails
DROP FUNCTION app.touch_updated_at();

-- forge:step 36 drop table app.categories
-- forge:expects table app.categories 10ace1bed780
-- lock: AccessExclusive on app.categories · reads and writes wait
-- hazard: deletes-data · the rows of app.categories go with it
-- hazard: breaks-application · whoever still uses the table fails
DROP TABLE app.categories;

-- forge:step 37 drop table app.tenants
-- forge:expects table app.tenants e9858b40e1f0
-- lock: AccessExclusive on app.tenants · reads and writes wait
-- hazard: deletes-data · the rows of app.tenants go with it
-- hazard: breaks-application · whoever still uses the table fails
DROP TABLE app.tenants;

-- forge:step 38 drop domain app.currency
-- forge:expects domain app.currency 579504f1f83c
DROP DOMAIN app.currency;

-- forge:step 39 drop domain app.slug
-- forge:expects domain app.slug 92e945af4c3d
DROP DOMAIN app.slug;

-- forge:step 40 drop materialized view app.monthly_revenue
-- forge:expects materialized view app.monthly_revenue 7a27904086fc
-- lock: AccessExclusive on app.monthly_revenue · reads and writes wait
-- hazard: breaks-application · whoever still uses the view fails
DROP MATERIALIZED VIEW app.monthly_revenue;

-- forge:step 41 drop table app.order_lines
-- forge:expects table app.order_lines 16f5eba736ed
-- lock: AccessExclusive on app.order_lines · reads and writes wait
-- hazard: breaks-application · whoever still uses the table fails
DROP TABLE app.order_lines;

-- forge:step 42 drop domain app.amount
-- forge:expects domain app.amount a232cdb95724
DROP DOMAIN app.amount;

-- forge:step 43 drop table app.orders
-- forge:expects table app.orders e648fcdf271e
-- lock: AccessExclusive on app.orders · reads and writes wait
-- hazard: breaks-application · whoever still uses the table fails
DROP TABLE app.orders;

-- forge:step 44 drop enum app.order_status
-- forge:expects enum app.order_status bcc8efe83dc7
DROP TYPE app.order_status;

-- forge:step 45 drop composite type app.address
-- forge:expects composite type app.address 45bcd0a7b0cf
DROP TYPE app.address;

-- forge:step 46 drop function app.current_tenant()
-- forge:expects function app.current_tenant() fdc6eb778621
-- hazard: breaks-application · whoever still calls it fails
DROP FUNCTION app.current_tenant();

-- forge:step 47 drop schema app
-- forge:expects schema app cf37901fd790
DROP SCHEMA app;

-- forge:step 48 drop function audit.record_change()
-- forge:expects function audit.record_change() 78a97713df86
-- hazard: breaks-application · whoever still calls it fails
DROP FUNCTION audit.record_change();

-- forge:step 49 drop default privilege audit.postgres.tables to shop_readonly
-- forge:expects default privilege audit.postgres.tables to shop_readonly ff7d6914640d
-- hazard: changes-access · of objects that are created from now on
ALTER DEFAULT PRIVILEGES FOR ROLE postgres IN SCHEMA audit REVOKE SELECT ON TABLES FROM shop_readonly;

-- forge:step 50 drop schema audit
-- forge:expects schema audit 73bc259d79c5
DROP SCHEMA audit;

COMMIT;
