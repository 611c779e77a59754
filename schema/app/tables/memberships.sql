CREATE TABLE app.memberships (
    tenant_id uuid NOT NULL REFERENCES app.tenants (id),
    user_id uuid NOT NULL REFERENCES app.users (id) ON DELETE CASCADE,
    role app.member_role NOT NULL DEFAULT 'viewer',
    since date NOT NULL DEFAULT CURRENT_DATE,
    PRIMARY KEY (tenant_id, user_id)
);

CREATE INDEX memberships_user_idx ON app.memberships (user_id);

ALTER TABLE app.memberships ENABLE ROW LEVEL SECURITY;

CREATE POLICY tenant_isolation ON app.memberships
    TO shop_app
    USING (tenant_id = app.current_tenant());

COMMENT ON TABLE app.memberships IS 'Who works for which tenant, and as what';
