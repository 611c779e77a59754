-- Prices are never overwritten: a new price ends the old one.
CREATE TABLE app.product_prices (
    product_id uuid NOT NULL REFERENCES app.products (id) ON DELETE CASCADE,
    tenant_id uuid NOT NULL REFERENCES app.tenants (id),
    valid tstzrange NOT NULL DEFAULT tstzrange(now(), NULL),
    amount app.amount NOT NULL,
    CONSTRAINT product_prices_one_at_a_time
        EXCLUDE USING gist (product_id WITH =, valid WITH &&),
    CONSTRAINT product_prices_valid_not_empty CHECK (NOT isempty(valid))
);

CREATE INDEX product_prices_tenant_idx ON app.product_prices (tenant_id);

ALTER TABLE app.product_prices ENABLE ROW LEVEL SECURITY;

CREATE POLICY tenant_isolation ON app.product_prices
    TO shop_app
    USING (tenant_id = app.current_tenant());

CREATE POLICY all_tenants ON app.product_prices
    FOR SELECT TO shop_readonly
    USING (true);

CREATE TRIGGER record_change
    AFTER INSERT OR UPDATE OR DELETE ON app.product_prices
    FOR EACH ROW
    EXECUTE FUNCTION audit.record_change();

COMMENT ON TABLE app.product_prices IS 'What a product costs, and when';
COMMENT ON CONSTRAINT product_prices_one_at_a_time ON app.product_prices IS
    'Two prices of a product never hold at the same time';
