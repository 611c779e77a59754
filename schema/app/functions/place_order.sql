CREATE FUNCTION app.place_order(customer_id uuid, ship_to app.address, items jsonb) RETURNS bigint
    LANGUAGE plpgsql
    SET search_path = ''
    AS $$
DECLARE
    new_order app.orders;
BEGIN
    INSERT INTO app.orders (tenant_id, customer_id, ship_to)
    VALUES (app.current_tenant(), place_order.customer_id, place_order.ship_to)
    RETURNING * INTO new_order;

    -- The price is the one that is valid now; it stays with the line whatever happens to the product later.
    INSERT INTO app.order_lines (order_id, placed_at, line, tenant_id, product_id, quantity, unit_price)
    SELECT new_order.id,
           new_order.placed_at,
           item.ordinality,
           new_order.tenant_id,
           price.product_id,
           (item.value ->> 'quantity')::integer,
           price.amount
    FROM jsonb_array_elements(place_order.items) WITH ORDINALITY AS item
    JOIN app.product_prices AS price
      ON price.product_id = (item.value ->> 'product_id')::uuid
     AND price.valid @> new_order.placed_at;

    IF NOT FOUND THEN
        RAISE EXCEPTION 'an order needs at least one product that has a price today';
    END IF;

    RETURN new_order.id;
END
$$;

COMMENT ON FUNCTION app.place_order(uuid, app.address, jsonb) IS
    'Places an order for [{"product_id": …, "quantity": …}, …] and returns its id';
