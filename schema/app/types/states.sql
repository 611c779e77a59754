-- The order of the values is the order of the life of a thing: `status >= 'shipped'` means what it says.
CREATE TYPE app.order_status AS ENUM ('placed', 'paid', 'shipped', 'delivered', 'cancelled');

COMMENT ON TYPE app.order_status IS 'Where an order stands';

CREATE TYPE app.payment_state AS ENUM ('pending', 'authorized', 'settled', 'failed', 'refunded');

COMMENT ON TYPE app.payment_state IS 'What the payment provider last said';

CREATE TYPE app.member_role AS ENUM ('viewer', 'editor', 'admin');

COMMENT ON TYPE app.member_role IS 'What a user may do for a tenant; each value includes those before it';
