CREATE SCHEMA app;

COMMENT ON SCHEMA app IS 'The shop: tenants, their users, products, orders and payments';
