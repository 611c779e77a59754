-- Partitioned like app.orders, so that a month of orders and its lines leave together.
CREATE TABLE app.order_lines (
    order_id bigint NOT NULL,
    placed_at timestamptz NOT NULL,
    line smallint NOT NULL,
    tenant_id uuid NOT NULL,
    product_id uuid NOT NULL REFERENCES app.products (id),
    quantity integer NOT NULL CONSTRAINT order_lines_quantity_positive CHECK (quantity > 0),
    unit_price app.amount NOT NULL,
    total numeric(14, 2) GENERATED ALWAYS AS (quantity * unit_price) STORED,
    PRIMARY KEY (order_id, placed_at, line),
    CONSTRAINT order_lines_order_fkey
        FOREIGN KEY (order_id, placed_at) REFERENCES app.orders (id, placed_at) ON DELETE CASCADE
) PARTITION BY RANGE (placed_at);

CREATE TABLE app.order_lines_2026_01 PARTITION OF app.order_lines
    FOR VALUES FROM ('2026-01-01 00:00:00+00') TO ('2026-02-01 00:00:00+00');
CREATE TABLE app.order_lines_2026_02 PARTITION OF app.order_lines
    FOR VALUES FROM ('2026-02-01 00:00:00+00') TO ('2026-03-01 00:00:00+00');
CREATE TABLE app.order_lines_2026_03 PARTITION OF app.order_lines
    FOR VALUES FROM ('2026-03-01 00:00:00+00') TO ('2026-04-01 00:00:00+00');
CREATE TABLE app.order_lines_other PARTITION OF app.order_lines DEFAULT;

CREATE INDEX order_lines_product_idx ON app.order_lines (product_id);

ALTER TABLE app.order_lines ENABLE ROW LEVEL SECURITY;

CREATE POLICY tenant_isolation ON app.order_lines
    TO shop_app
    USING (tenant_id = app.current_tenant());

COMMENT ON TABLE app.order_lines IS 'The products of an order';
COMMENT ON COLUMN app.order_lines.unit_price IS 'The price on the day of the order';
