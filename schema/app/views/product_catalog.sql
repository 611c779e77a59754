CREATE VIEW app.product_catalog WITH (security_barrier = true) AS
SELECT
    product.id,
    product.sku,
    product.name,
    category.title AS category,
    price.amount AS price,
    tenant.currency
FROM app.products AS product
JOIN app.tenants AS tenant ON tenant.id = product.tenant_id
LEFT JOIN app.categories AS category ON category.id = product.category_id
LEFT JOIN app.product_prices AS price ON price.product_id = product.id AND price.valid @> now()
WHERE product.published
  AND product.tenant_id = app.current_tenant();

COMMENT ON VIEW app.product_catalog IS 'What the shop window shows';
