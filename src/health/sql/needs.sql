-- What the current role lacks of what the plans need, and what helps. Objects that aren't there yet belong to the role that
-- applies. Before 16, a member of a role can become it; from then on, the membership says so by its option SET.
WITH need AS (
    SELECT j.need, j.schema, j.name, j.detail,
           (SELECT c.oid FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
            WHERE n.nspname = j.schema AND c.relname = j.name LIMIT 1) AS relation,
           (SELECT n.oid FROM pg_namespace n WHERE n.nspname = j.name) AS named_schema,
           (SELECT t.oid FROM pg_type t JOIN pg_namespace n ON n.oid = t.typnamespace
            WHERE n.nspname = j.schema AND t.typname = j.name) AS type,
           (SELECT r.oid FROM pg_roles r WHERE r.rolname = j.detail) AS role,
           CASE WHEN j.need LIKE 'grant on %' THEN j.detail || ' WITH GRANT OPTION' ELSE j.detail END AS privilege,
           CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'SET' ELSE 'MEMBER' END AS become,
           CASE WHEN current_setting('server_version_num')::int >= 160000 THEN 'USAGE' ELSE 'MEMBER' END AS act,
           CASE WHEN j.schema = '' THEN format('%I', j.name) ELSE format('%I.%I', j.schema, j.name) END AS object,
           format('%I', current_user) AS me
    FROM jsonb_to_recordset(current_setting('forge.needs')::jsonb) AS j (need text, schema text, name text, detail text)
), judged AS (
    SELECT n.*,
           CASE n.need
               WHEN 'create' THEN has_schema_privilege(n.named_schema, 'CREATE')
               WHEN 'usage' THEN has_schema_privilege(n.named_schema, 'USAGE')
               WHEN 'database' THEN has_database_privilege(current_database(), n.detail)
               WHEN 'history' THEN
                   CASE WHEN n.named_schema IS NULL THEN has_database_privilege(current_database(), 'CREATE')
                        ELSE has_schema_privilege(n.named_schema, 'USAGE') END
               WHEN 'own' THEN (SELECT pg_has_role(c.relowner, 'USAGE') FROM pg_class c WHERE c.oid = n.relation)
               WHEN 'act as' THEN COALESCE(pg_has_role(n.role, 'USAGE'), false)
               -- A role that isn't there is told apart from what is lacking of the others.
               WHEN 'owner' THEN COALESCE(pg_has_role(n.role, n.become), true)
                   AND COALESCE(has_schema_privilege(n.role, n.named_schema, 'CREATE'), true)
               WHEN 'default privileges' THEN COALESCE(pg_has_role(n.role, n.act), true)
               WHEN 'table' THEN has_table_privilege(n.relation, n.privilege)
                   OR (n.privilege = 'REFERENCES' AND has_any_column_privilege(n.relation, n.privilege))
               WHEN 'type' THEN has_type_privilege(n.type, 'USAGE')
               WHEN 'execute' THEN
                   (SELECT bool_or(has_function_privilege(p.oid, 'EXECUTE'))
                    FROM pg_proc p JOIN pg_namespace s ON s.oid = p.pronamespace
                    WHERE s.nspname = n.schema AND p.proname = n.name AND p.pronargs = 0)
               WHEN 'language' THEN
                   (SELECT CASE WHEN l.lanpltrusted THEN has_language_privilege(l.oid, 'USAGE') ELSE u.rolsuper END
                    FROM pg_language l, pg_roles u WHERE l.lanname = n.name AND u.rolname = current_user)
               WHEN 'tablespace' THEN (SELECT has_tablespace_privilege(t.oid, 'CREATE') FROM pg_tablespace t WHERE t.spcname = n.name)
               WHEN 'superuser' THEN (SELECT u.rolsuper FROM pg_roles u WHERE u.rolname = current_user)
               WHEN 'extension' THEN
                   (SELECT u.rolsuper OR NOT v.superuser
                           OR (v.trusted AND has_database_privilege(current_database(), 'CREATE'))
                    FROM pg_available_extensions a
                    JOIN pg_available_extension_versions v ON v.name = a.name AND v.version = a.default_version
                    JOIN pg_roles u ON u.rolname = current_user
                    WHERE a.name = n.name)
               WHEN 'grant on table' THEN
                   CASE WHEN (SELECT c.relkind = 'S' FROM pg_class c WHERE c.oid = n.relation)
                        THEN has_sequence_privilege(n.relation, n.privilege)
                        ELSE has_table_privilege(n.relation, n.privilege)
                             OR (n.detail IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES')
                                 AND has_any_column_privilege(n.relation, n.privilege)) END
               WHEN 'grant on schema' THEN has_schema_privilege(n.named_schema, n.privilege)
               WHEN 'grant on type' THEN has_type_privilege(n.type, n.privilege)
               WHEN 'grant on database' THEN
                   (SELECT has_database_privilege(d.oid, n.privilege) FROM pg_database d WHERE d.datname = n.name)
               WHEN 'grant on function' THEN
                   (SELECT bool_and(has_function_privilege(p.oid, n.privilege))
                    FROM pg_proc p JOIN pg_namespace s ON s.oid = p.pronamespace
                    WHERE s.nspname = n.schema AND p.proname = n.name)
           END AS has
    FROM need n
)
SELECT DISTINCT
       CASE j.need
           WHEN 'create' THEN format('CREATE on schema %s is missing: GRANT CREATE ON SCHEMA %s TO %s', j.object, j.object, j.me)
           WHEN 'usage' THEN format('USAGE on schema %s is missing: GRANT USAGE ON SCHEMA %s TO %s', j.object, j.object, j.me)
           WHEN 'database' THEN
               format('%s on database %I is missing: GRANT %s ON DATABASE %I TO %s', j.detail, current_database(), j.detail,
                      current_database(), j.me)
           WHEN 'history' THEN
               CASE WHEN j.named_schema IS NULL
                    THEN format('schema forge, which keeps the history, needs CREATE on database %I: GRANT CREATE ON DATABASE %I TO %s',
                                current_database(), current_database(), j.me)
                    ELSE format('USAGE on schema forge is missing: GRANT USAGE ON SCHEMA forge TO %s', j.me) END
           WHEN 'own' THEN
               (SELECT format('%s belongs to %I, whose rights %s does not have: GRANT %I TO %s', j.object, o.rolname, j.me,
                              o.rolname, j.me)
                FROM pg_class c JOIN pg_roles o ON o.oid = c.relowner WHERE c.oid = j.relation)
           WHEN 'act as' THEN
               format('%s belongs to %I, whose rights %s does not have: GRANT %I TO %s', j.name, j.detail, j.me, j.detail, j.me)
           WHEN 'owner' THEN
               CASE WHEN NOT pg_has_role(j.role, j.become) THEN
                        format('%s cannot become %I, the new owner: GRANT %I TO %s', j.me, j.detail, j.detail, j.me)
                        || CASE WHEN j.become = 'SET' THEN ' WITH SET TRUE' ELSE '' END
                    ELSE format('%I, the new owner, lacks CREATE on schema %s: GRANT CREATE ON SCHEMA %s TO %I', j.detail,
                                j.object, j.object, j.detail) END
           WHEN 'default privileges' THEN
               format('default privileges of %I are for those who have its rights: GRANT %I TO %s', j.detail, j.detail, j.me)
           WHEN 'table' THEN
               format('%s on %s is missing: GRANT %s ON TABLE %s TO %s', j.detail, j.object, j.detail, j.object, j.me)
           WHEN 'type' THEN format('USAGE on type %s is missing: GRANT USAGE ON TYPE %s TO %s', j.object, j.object, j.me)
           WHEN 'execute' THEN
               format('EXECUTE on function %s() is missing: GRANT EXECUTE ON FUNCTION %s() TO %s', j.object, j.object, j.me)
           WHEN 'language' THEN
               (SELECT CASE WHEN l.lanpltrusted
                            THEN format('USAGE on language %s is missing: GRANT USAGE ON LANGUAGE %s TO %s', j.object, j.object, j.me)
                            ELSE format('language %s is untrusted, so its functions need a superuser: ALTER ROLE %s SUPERUSER, or '
                                        'have a superuser run the step', j.object, j.me) END
                FROM pg_language l WHERE l.lanname = j.name)
           WHEN 'tablespace' THEN
               format('CREATE on tablespace %s is missing: GRANT CREATE ON TABLESPACE %s TO %s', j.object, j.object, j.me)
           WHEN 'superuser' THEN
               format('%s needs a superuser: ALTER ROLE %s SUPERUSER, or have a superuser run the step', j.name, j.me)
           WHEN 'extension' THEN
               (SELECT CASE WHEN v.trusted
                            THEN format('extension %s needs CREATE on database %I: GRANT CREATE ON DATABASE %I TO %s', j.object,
                                        current_database(), current_database(), j.me)
                            ELSE format('extension %s is not trusted and needs a superuser: have one run CREATE EXTENSION %s',
                                        j.object, j.object) END
                FROM pg_available_extensions a
                JOIN pg_available_extension_versions v ON v.name = a.name AND v.version = a.default_version
                WHERE a.name = j.name)
           ELSE
               format('%s on %s can be granted or revoked only with the grant option: GRANT %s ON %s%s TO %s WITH GRANT OPTION',
                      j.detail, j.object, j.detail,
                      CASE j.need
                          WHEN 'grant on table' THEN
                              (SELECT CASE c.relkind WHEN 'S' THEN 'SEQUENCE ' ELSE 'TABLE ' END FROM pg_class c WHERE c.oid = j.relation)
                          ELSE upper(substr(j.need, length('grant on ') + 1)) || ' '
                      END,
                      j.object, j.me)
       END AS lacks
FROM judged j
WHERE NOT j.has
ORDER BY lacks
