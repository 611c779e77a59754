-- Every policy rests on this function. The application says `SET app.tenant_id = '…'` once per transaction;
-- without it the answer is null, and null sees no row.
CREATE FUNCTION app.current_tenant() RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT nullif(current_setting('app.tenant_id', true), '')::uuid $$;

COMMENT ON FUNCTION app.current_tenant() IS 'The tenant that the session works for, from the setting app.tenant_id';
