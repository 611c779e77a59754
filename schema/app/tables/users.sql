CREATE TABLE app.users (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    email extensions.citext NOT NULL,
    display_name text NOT NULL,
    home_tenant_id uuid CONSTRAINT users_home_tenant_fkey REFERENCES app.tenants (id),
    preferences jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    disabled_at timestamptz,
    CONSTRAINT users_preferences_is_object CHECK (jsonb_typeof(preferences) = 'object')
);

-- A disabled user may sign up again with the same address.
CREATE UNIQUE INDEX users_email_key ON app.users (email) WHERE disabled_at IS NULL;
CREATE INDEX users_home_tenant_idx ON app.users (home_tenant_id);

CREATE TRIGGER touch_updated_at
    BEFORE UPDATE ON app.users
    FOR EACH ROW
    WHEN (OLD.* IS DISTINCT FROM NEW.*)
    EXECUTE FUNCTION app.touch_updated_at();

CREATE TRIGGER record_change
    AFTER INSERT OR UPDATE OR DELETE ON app.users
    FOR EACH ROW
    EXECUTE FUNCTION audit.record_change();

COMMENT ON TABLE app.users IS 'A person, who may work or buy for several tenants';
COMMENT ON COLUMN app.users.email IS 'Compared without regard to case';
COMMENT ON INDEX app.users_email_key IS 'Also the index of the sign-in query';
