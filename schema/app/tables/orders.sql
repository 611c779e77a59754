-- The number on the invoice: customers see it, so it doesn't start at 1.
CREATE SEQUENCE app.order_number START 10001;

-- One partition a month: a month that the books have closed is detached and archived as a whole.
-- The key of the partition is part of every key, so references to an order carry `placed_at` too.
CREATE TABLE app.orders (
    id bigint GENERATED ALWAYS AS IDENTITY,
    placed_at timestamptz NOT NULL DEFAULT now(),
    tenant_id uuid NOT NULL REFERENCES app.tenants (id),
    customer_id uuid NOT NULL REFERENCES app.users (id),
    number bigint NOT NULL DEFAULT nextval('app.order_number'),
    status app.order_status NOT NULL DEFAULT 'placed',
    ship_to app.address NOT NULL,
    note text,
    PRIMARY KEY (id, placed_at)
) PARTITION BY RANGE (placed_at);

ALTER SEQUENCE app.order_number OWNED BY app.orders.number;

CREATE TABLE app.orders_2026_01 PARTITION OF app.orders
    FOR VALUES FROM ('2026-01-01 00:00:00+00') TO ('2026-02-01 00:00:00+00');
CREATE TABLE app.orders_2026_02 PARTITION OF app.orders
    FOR VALUES FROM ('2026-02-01 00:00:00+00') TO ('2026-03-01 00:00:00+00');
CREATE TABLE app.orders_2026_03 PARTITION OF app.orders
    FOR VALUES FROM ('2026-03-01 00:00:00+00') TO ('2026-04-01 00:00:00+00');
CREATE TABLE app.orders_other PARTITION OF app.orders DEFAULT;

CREATE INDEX orders_tenant_idx ON app.orders (tenant_id, placed_at DESC);
CREATE INDEX orders_customer_idx ON app.orders (customer_id);
CREATE INDEX orders_open_idx ON app.orders (tenant_id, status) WHERE status < 'delivered';

ALTER TABLE app.orders ENABLE ROW LEVEL SECURITY;

CREATE POLICY tenant_isolation ON app.orders
    TO shop_app
    USING (tenant_id = app.current_tenant());

CREATE TRIGGER record_change
    AFTER INSERT OR UPDATE OR DELETE ON app.orders
    FOR EACH ROW
    EXECUTE FUNCTION audit.record_change();

COMMENT ON TABLE app.orders IS 'What a customer ordered from a tenant';
COMMENT ON COLUMN app.orders.number IS 'The number that the customer sees';
COMMENT ON SEQUENCE app.order_number IS 'Gaps are allowed: an order that failed leaves one';
COMMENT ON TABLE app.orders_other IS 'Catches what no month takes; a monthly job reports when it is not empty';
