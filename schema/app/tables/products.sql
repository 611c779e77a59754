CREATE TABLE app.products (
    id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
    tenant_id uuid NOT NULL REFERENCES app.tenants (id),
    category_id integer,
    sku text NOT NULL COLLATE "C",
    name text NOT NULL,
    description text,
    tags text[] NOT NULL DEFAULT '{}',
    published boolean NOT NULL DEFAULT false,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    -- A match in the name counts more than one in the description.
    search tsvector NOT NULL GENERATED ALWAYS AS (
        setweight(to_tsvector('english'::regconfig, name), 'A')
        || setweight(to_tsvector('english'::regconfig, coalesce(description, '')), 'B')
    ) STORED,
    CONSTRAINT products_sku_key UNIQUE (tenant_id, sku),
    CONSTRAINT products_category_fkey
        FOREIGN KEY (tenant_id, category_id) REFERENCES app.categories (tenant_id, id),
    CONSTRAINT products_name_not_blank CHECK (btrim(name) <> '')
);

CREATE INDEX products_category_idx ON app.products (tenant_id, category_id);
CREATE INDEX products_published_idx ON app.products (tenant_id, created_at DESC) INCLUDE (name) WHERE published;
CREATE INDEX products_tags_idx ON app.products USING gin (tags);
CREATE INDEX products_search_idx ON app.products USING gin (search);
CREATE INDEX products_name_trgm_idx ON app.products USING gin (name extensions.gin_trgm_ops);

ALTER TABLE app.products ENABLE ROW LEVEL SECURITY;

CREATE POLICY tenant_isolation ON app.products
    TO shop_app
    USING (tenant_id = app.current_tenant());

CREATE POLICY all_tenants ON app.products
    FOR SELECT TO shop_readonly
    USING (published);

CREATE TRIGGER touch_updated_at
    BEFORE UPDATE ON app.products
    FOR EACH ROW
    EXECUTE FUNCTION app.touch_updated_at();

CREATE TRIGGER record_change
    AFTER INSERT OR UPDATE OR DELETE ON app.products
    FOR EACH ROW
    EXECUTE FUNCTION audit.record_change();

COMMENT ON TABLE app.products IS 'What a tenant sells';
COMMENT ON COLUMN app.products.sku IS 'Stock keeping unit: the name in the tenant''s own books';
COMMENT ON COLUMN app.products.search IS 'What app.search_products looks at';
COMMENT ON INDEX app.products_name_trgm_idx IS 'For names by any part of them, as typed';
