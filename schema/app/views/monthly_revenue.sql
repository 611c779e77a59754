-- Over all tenants, for reports only; refreshed every night.
CREATE MATERIALIZED VIEW app.monthly_revenue AS
SELECT
    o.tenant_id,
    (date_trunc('month', o.placed_at AT TIME ZONE 'UTC'))::date AS month,
    count(DISTINCT o.id) AS orders,
    sum(line.total) AS revenue
FROM app.orders AS o
JOIN app.order_lines AS line ON line.order_id = o.id AND line.placed_at = o.placed_at
WHERE o.status <> 'cancelled'
GROUP BY 1, 2
WITH NO DATA;

-- REFRESH … CONCURRENTLY needs a unique index.
CREATE UNIQUE INDEX monthly_revenue_key ON app.monthly_revenue (tenant_id, month);

COMMENT ON MATERIALIZED VIEW app.monthly_revenue IS 'Turnover by tenant and month, in the currency of the tenant';
