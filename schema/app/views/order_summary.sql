-- A view reads with its owner's rights, past the policies; so it says itself whose rows it shows,
-- and is a security barrier, so that no function of a query sees other rows first.
CREATE VIEW app.order_summary WITH (security_barrier = true) AS
SELECT
    o.id,
    o.placed_at,
    o.number,
    o.status,
    customer.display_name AS customer,
    (o.ship_to).country AS country,
    app.order_total(o.id, o.placed_at) AS total,
    paid.amount AS paid
FROM app.orders AS o
JOIN app.users AS customer ON customer.id = o.customer_id
LEFT JOIN LATERAL (
    SELECT sum(p.amount) AS amount
    FROM app.payments AS p
    WHERE p.order_id = o.id
      AND p.order_placed_at = o.placed_at
      AND p.state = 'settled'
) AS paid ON true
WHERE o.tenant_id = app.current_tenant();

COMMENT ON VIEW app.order_summary IS 'The list of orders in the back office';
COMMENT ON COLUMN app.order_summary.paid IS 'Null when nothing has been paid';
