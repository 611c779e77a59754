-- Who may do what.
--
-- Roles belong to the cluster, not to a schema: `shop_app` (the application) and `shop_readonly` (reports)
-- must exist on the target before the first plan is applied. forge creates them, without login, on its shadow server.
--
-- Row-level security decides which rows; these grants decide which statements.
-- Partitions get no grants: policies stand on the parent, so rows are reached through the parent only.
GRANT USAGE ON SCHEMA app, extensions TO shop_app, shop_readonly;
GRANT USAGE ON SCHEMA audit TO shop_readonly;

GRANT SELECT, INSERT, UPDATE, DELETE ON app.categories, app.products, app.memberships TO shop_app;
GRANT SELECT, INSERT ON app.product_prices, app.orders, app.order_lines, app.payments TO shop_app;
GRANT UPDATE (valid) ON app.product_prices TO shop_app;
GRANT UPDATE (status, note) ON app.orders TO shop_app;
GRANT UPDATE (state, settled_at) ON app.payments TO shop_app;
GRANT SELECT, INSERT, UPDATE ON app.users, app.identities TO shop_app;
GRANT SELECT ON app.tenants, app.order_summary, app.product_catalog TO shop_app;
GRANT USAGE ON SEQUENCE app.order_number TO shop_app;

-- Reports see no identities and no tokens, and of a user only what is not personal.
GRANT SELECT ON app.tenants, app.categories, app.products, app.product_prices TO shop_readonly;
GRANT SELECT ON app.order_summary, app.product_catalog, app.monthly_revenue TO shop_readonly;
GRANT SELECT (id, created_at, disabled_at) ON app.users TO shop_readonly;
GRANT SELECT ON audit.log TO shop_readonly;

-- Functions are open to everyone unless somebody says otherwise.
REVOKE EXECUTE ON FUNCTION app.place_order(uuid, app.address, jsonb) FROM PUBLIC;
REVOKE EXECUTE ON PROCEDURE app.cancel_stale_orders(interval) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION audit.record_change() FROM PUBLIC;
GRANT EXECUTE ON FUNCTION app.place_order(uuid, app.address, jsonb) TO shop_app;
GRANT EXECUTE ON PROCEDURE app.cancel_stale_orders(interval) TO shop_app;

-- What is added to the audit schema later can be read like the log.
ALTER DEFAULT PRIVILEGES IN SCHEMA audit GRANT SELECT ON TABLES TO shop_readonly;
