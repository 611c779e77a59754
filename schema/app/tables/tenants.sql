CREATE TABLE app.tenants (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    slug app.slug NOT NULL CONSTRAINT tenants_slug_key UNIQUE,
    name text NOT NULL,
    currency app.currency NOT NULL,
    -- Null until somebody has signed up for the tenant.
    billing_contact_id uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    closed_at timestamptz,
    CONSTRAINT tenants_closed_after_created CHECK (closed_at > created_at)
);

-- Tenants and users refer to each other, so one of the two references comes after both tables.
ALTER TABLE app.tenants
    ADD CONSTRAINT tenants_billing_contact_fkey
    FOREIGN KEY (billing_contact_id) REFERENCES app.users (id) ON DELETE SET NULL;

CREATE INDEX tenants_billing_contact_idx ON app.tenants (billing_contact_id);

ALTER TABLE app.tenants ENABLE ROW LEVEL SECURITY;

CREATE POLICY own_tenant ON app.tenants
    TO shop_app
    USING (id = app.current_tenant());

CREATE POLICY all_tenants ON app.tenants
    FOR SELECT TO shop_readonly
    USING (true);

COMMENT ON TABLE app.tenants IS 'A shop among the shops';
COMMENT ON COLUMN app.tenants.closed_at IS 'When the tenant left; its rows are kept for the books';
