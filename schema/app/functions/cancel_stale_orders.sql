-- A procedure, because it commits after each day: a long backlog holds no lock for long.
CREATE PROCEDURE app.cancel_stale_orders(older_than interval DEFAULT '14 days')
    LANGUAGE plpgsql
    AS $$
DECLARE
    day date;
BEGIN
    FOR day IN
        SELECT DISTINCT placed_at::date
        FROM app.orders
        WHERE status = 'placed' AND placed_at < now() - older_than
        ORDER BY 1
    LOOP
        UPDATE app.orders
        SET status = 'cancelled'
        WHERE status = 'placed' AND placed_at >= day AND placed_at < day + 1;
        COMMIT;
    END LOOP;
END
$$;

COMMENT ON PROCEDURE app.cancel_stale_orders(interval) IS 'Cancels orders that nobody paid for';
