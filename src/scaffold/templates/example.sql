-- An example: change it, or take its place. Files may lie in any folder below this one and say things in any order.
CREATE TABLE public.notes (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    body text NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now()
);

COMMENT ON TABLE public.notes IS 'What people want to remember';
