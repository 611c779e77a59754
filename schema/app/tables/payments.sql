CREATE TABLE app.payments (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id uuid NOT NULL REFERENCES app.tenants (id),
    order_id bigint NOT NULL,
    order_placed_at timestamptz NOT NULL,
    amount app.amount NOT NULL,
    currency app.currency NOT NULL,
    state app.payment_state NOT NULL DEFAULT 'pending',
    provider_reference text,
    created_at timestamptz NOT NULL DEFAULT now(),
    settled_at timestamptz,
    CONSTRAINT payments_order_fkey
        FOREIGN KEY (order_id, order_placed_at) REFERENCES app.orders (id, placed_at),
    -- Deferred: the provider's messages about one payment may arrive, and be stored, in any order.
    CONSTRAINT payments_provider_reference_key UNIQUE (provider_reference) DEFERRABLE INITIALLY DEFERRED,
    CONSTRAINT payments_settled_has_time CHECK ((state IN ('settled', 'refunded')) = (settled_at IS NOT NULL))
);

CREATE INDEX payments_order_idx ON app.payments (order_id, order_placed_at);
CREATE INDEX payments_unsettled_idx ON app.payments (created_at) WHERE settled_at IS NULL;

-- Nobody sees another tenant's payments, not even who owns the table.
ALTER TABLE app.payments ENABLE ROW LEVEL SECURITY;
ALTER TABLE app.payments FORCE ROW LEVEL SECURITY;

CREATE POLICY tenant_isolation ON app.payments
    USING (tenant_id = app.current_tenant());

CREATE TRIGGER record_change
    AFTER INSERT OR UPDATE OR DELETE ON app.payments
    FOR EACH ROW
    EXECUTE FUNCTION audit.record_change();

COMMENT ON TABLE app.payments IS 'Money for an order; a refund is the same payment in another state';
COMMENT ON COLUMN app.payments.provider_reference IS 'Null until the provider has answered';
COMMENT ON POLICY tenant_isolation ON app.payments IS 'For every role';
