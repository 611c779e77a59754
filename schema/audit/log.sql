CREATE TABLE audit.log (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor text NOT NULL DEFAULT session_user,
    tenant_id uuid,
    relation regclass NOT NULL,
    operation text NOT NULL CONSTRAINT log_operation_known CHECK (operation IN ('INSERT', 'UPDATE', 'DELETE')),
    before jsonb,
    after jsonb,
    CONSTRAINT log_says_something CHECK (num_nonnulls(before, after) > 0)
);

-- Rows come in the order of time, so a block range index does, at a thousandth of the size.
CREATE INDEX log_at_idx ON audit.log USING brin (at);
CREATE INDEX log_tenant_idx ON audit.log (tenant_id, relation);

CREATE FUNCTION audit.refuse_change() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_RELID::regclass
        USING ERRCODE = 'insufficient_privilege';
END
$$;

COMMENT ON FUNCTION audit.refuse_change() IS 'Grants bind roles; this binds the owner too';

CREATE TRIGGER append_only
    BEFORE UPDATE OR DELETE ON audit.log
    FOR EACH ROW
    EXECUTE FUNCTION audit.refuse_change();

CREATE TRIGGER never_truncated
    BEFORE TRUNCATE ON audit.log
    FOR EACH STATEMENT
    EXECUTE FUNCTION audit.refuse_change();

-- Also fires where triggers are switched off for replication.
ALTER TABLE audit.log ENABLE ALWAYS TRIGGER append_only;

COMMENT ON TABLE audit.log IS 'Append-only';
COMMENT ON TRIGGER append_only ON audit.log IS 'A wrong entry is corrected by another entry';
