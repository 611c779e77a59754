-- The right to write the log belongs to this function, not to those whose changes it writes down.
CREATE FUNCTION audit.record_change() RETURNS trigger
    LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = ''
    AS $$
DECLARE
    before jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END;
    after jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END;
BEGIN
    INSERT INTO audit.log (tenant_id, relation, operation, before, after)
    VALUES ((coalesce(after, before) ->> 'tenant_id')::uuid, TG_RELID, TG_OP, before, after);
    RETURN NULL;
END
$$;

COMMENT ON FUNCTION audit.record_change() IS 'Trigger function: writes the row to audit.log as it was and as it is';
