CREATE FUNCTION app.order_total(order_id bigint, placed_at timestamptz) RETURNS numeric
    LANGUAGE sql STABLE
    AS $$
    -- `placed_at` lets the planner open one partition only.
    SELECT coalesce(sum(line.total), 0)
    FROM app.order_lines AS line
    WHERE line.order_id = order_total.order_id
      AND line.placed_at = order_total.placed_at
$$;

COMMENT ON FUNCTION app.order_total(bigint, timestamptz) IS 'Sum of the lines of an order';
