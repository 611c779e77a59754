CREATE TABLE app.identities (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    user_id uuid NOT NULL REFERENCES app.users (id) ON DELETE CASCADE,
    provider text NOT NULL,
    subject text NOT NULL,
    last_used_at timestamptz,
    CONSTRAINT identities_provider_known CHECK (provider IN ('password', 'google', 'github', 'saml')),
    CONSTRAINT identities_provider_subject_key UNIQUE (provider, subject)
);

CREATE INDEX identities_user_idx ON app.identities (user_id);

COMMENT ON TABLE app.identities IS 'A way for a user to sign in';
COMMENT ON COLUMN app.identities.subject IS 'The name that the provider knows the user by';
