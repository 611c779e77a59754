-- Objects of the database that no kind models: they are reported, never dropped silently. `definition` is there to be
-- compared: it holds what a statement can set and no OID, which is another in each database. Rows are taken as JSON where
-- versions differ in their columns; a `regproc` prints its name there.
SELECT i.type, i.identity,
       hashtextextended(concat_ws(' ', o.definition, obj_description(o.objid, (SELECT c.relname FROM pg_class c WHERE c.oid = o.classid))), 0)
           AS content
FROM (
    SELECT 'pg_class'::regclass::oid AS classid, c.oid AS objid, c.relnamespace AS namespace,
           (SELECT concat_ws(' ', s.srvname, f.ftoptions) FROM pg_foreign_table f JOIN pg_foreign_server s ON s.oid = f.ftserver
            WHERE f.ftrelid = c.oid)
           || (SELECT string_agg(concat_ws(' ', a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.attfdwoptions,
                                           pg_get_expr(d.adbin, d.adrelid)), ', ' ORDER BY a.attname)
               FROM pg_attribute a LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
               WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped) AS definition
    FROM pg_class c WHERE c.relkind = 'f'
    UNION ALL
    SELECT 'pg_proc'::regclass, p.oid, p.pronamespace,
           concat_ws(' ', pg_get_function_arguments(p.oid), p.proparallel, a.aggsortop::regoperator, format_type(a.aggtranstype, NULL),
                     format_type(a.aggmtranstype, NULL),
                     to_jsonb(a) - ARRAY['aggfnoid', 'aggsortop', 'aggtranstype', 'aggmtranstype'])
    FROM pg_proc p JOIN pg_aggregate a ON a.aggfnoid = p.oid WHERE p.prokind = 'a'
    UNION ALL
    SELECT 'pg_type'::regclass, t.oid, t.typnamespace,
           CASE WHEN t.typtype = 'b' THEN
                    (to_jsonb(t) - ARRAY['oid', 'typnamespace', 'typowner', 'typrelid', 'typelem', 'typarray', 'typbasetype',
                                         'typcollation', 'typacl'])::text
                ELSE (SELECT concat_ws(' ', format_type(r.rngsubtype, NULL), r.rngcanonical, r.rngsubdiff, r.rngcollation::regcollation,
                                       (pg_identify_object('pg_opclass'::regclass, r.rngsubopc, 0)).identity)
                      FROM pg_range r WHERE r.rngtypid = t.oid)
           END
    FROM pg_type t
    WHERE t.typtype = 'r' OR (t.typtype = 'b' AND t.typelem = 0 AND t.typarray <> 0) OR (t.typtype = 'p' AND NOT t.typisdefined)
    UNION ALL
    SELECT 'pg_operator'::regclass, o.oid, o.oprnamespace,
           concat_ws(' ', o.oprcode, o.oprrest, o.oprjoin, o.oprcom::regoperator, o.oprnegate::regoperator, o.oprcanmerge, o.oprcanhash)
    FROM pg_operator o
    UNION ALL
    SELECT 'pg_opclass'::regclass, o.oid, o.opcnamespace,
           concat_ws(' ', (pg_identify_object('pg_opfamily'::regclass, o.opcfamily, 0)).identity, format_type(o.opcintype, NULL),
                     o.opcdefault, format_type(NULLIF(o.opckeytype, 0), NULL))
    FROM pg_opclass o
    UNION ALL
    SELECT 'pg_opfamily'::regclass, o.oid, o.opfnamespace,
           concat_ws(' ',
               (SELECT string_agg(concat_ws(' ', a.amopstrategy, a.amoppurpose, a.amopopr::regoperator), ', '
                                  ORDER BY a.amopstrategy, a.amopopr::regoperator::text)
                FROM pg_amop a WHERE a.amopfamily = o.oid),
               (SELECT string_agg(concat_ws(' ', a.amprocnum, format_type(a.amproclefttype, NULL), format_type(a.amprocrighttype, NULL),
                                            a.amproc::regprocedure), ', '
                                  ORDER BY a.amprocnum, format_type(a.amproclefttype, NULL), format_type(a.amprocrighttype, NULL))
                FROM pg_amproc a WHERE a.amprocfamily = o.oid))
    FROM pg_opfamily o
    UNION ALL
    -- The version is the one of the library on the server's machine.
    SELECT 'pg_collation'::regclass, c.oid, c.collnamespace,
           (to_jsonb(c) - ARRAY['oid', 'collnamespace', 'collowner', 'collversion'])::text
    FROM pg_collation c
    UNION ALL
    SELECT 'pg_conversion'::regclass, c.oid, c.connamespace,
           concat_ws(' ', c.conforencoding, c.contoencoding, c.conproc, c.condefault)
    FROM pg_conversion c
    UNION ALL
    SELECT 'pg_statistic_ext'::regclass, s.oid, s.stxnamespace,
           concat_ws(' ', pg_get_statisticsobjdef(s.oid), NULLIF(s.stxstattarget, -1))
    FROM pg_statistic_ext s
    UNION ALL
    SELECT 'pg_ts_config'::regclass, t.oid, t.cfgnamespace,
           concat_ws(' ', (pg_identify_object('pg_ts_parser'::regclass, t.cfgparser, 0)).identity,
                     (SELECT string_agg(concat_ws(' ', m.maptokentype, m.mapdict::regdictionary), ', ' ORDER BY m.maptokentype, m.mapseqno)
                      FROM pg_ts_config_map m WHERE m.mapcfg = t.oid))
    FROM pg_ts_config t
    UNION ALL
    SELECT 'pg_ts_dict'::regclass, t.oid, t.dictnamespace,
           concat_ws(' ', (pg_identify_object('pg_ts_template'::regclass, t.dicttemplate, 0)).identity, t.dictinitoption)
    FROM pg_ts_dict t
    UNION ALL
    SELECT 'pg_ts_parser'::regclass, t.oid, t.prsnamespace,
           concat_ws(' ', t.prsstart, t.prstoken, t.prsend, t.prsheadline, t.prslextype)
    FROM pg_ts_parser t
    UNION ALL
    SELECT 'pg_ts_template'::regclass, t.oid, t.tmplnamespace, concat_ws(' ', t.tmplinit, t.tmpllexize)
    FROM pg_ts_template t
    UNION ALL
    SELECT 'pg_cast'::regclass, c.oid, NULL, concat_ws(' ', c.castfunc::regprocedure, c.castcontext, c.castmethod)
    FROM pg_cast c
    UNION ALL
    SELECT 'pg_event_trigger'::regclass, e.oid, NULL,
           concat_ws(' ', e.evtevent, e.evtfoid::regprocedure, e.evtenabled, e.evttags)
    FROM pg_event_trigger e
    UNION ALL
    SELECT 'pg_foreign_data_wrapper'::regclass, f.oid, NULL,
           concat_ws(' ', f.fdwhandler::regproc, f.fdwvalidator::regproc, f.fdwoptions)
    FROM pg_foreign_data_wrapper f
    UNION ALL
    SELECT 'pg_foreign_server'::regclass, f.oid, NULL,
           concat_ws(' ', w.fdwname, f.srvtype, f.srvversion, f.srvoptions)
    FROM pg_foreign_server f JOIN pg_foreign_data_wrapper w ON w.oid = f.srvfdw
    UNION ALL
    SELECT 'pg_language'::regclass, l.oid, NULL,
           concat_ws(' ', l.lanpltrusted, l.lanplcallfoid::regproc, l.laninline::regproc, l.lanvalidator::regproc)
    FROM pg_language l
    UNION ALL
    SELECT 'pg_am'::regclass, a.oid, NULL, concat_ws(' ', a.amhandler, a.amtype) FROM pg_am a
    UNION ALL
    SELECT 'pg_transform'::regclass, t.oid, NULL, concat_ws(' ', t.trffromsql, t.trftosql) FROM pg_transform t
    UNION ALL
    SELECT 'pg_publication'::regclass, p.oid, NULL,
           concat_ws(' ', to_jsonb(p) - ARRAY['oid', 'pubowner'],
                     (SELECT string_agg(m.identity, ', ' ORDER BY m.identity)
                      FROM (SELECT DISTINCT d.classid, d.objid FROM pg_depend d
                            WHERE d.refclassid = 'pg_publication'::regclass AND d.refobjid = p.oid) AS d
                      CROSS JOIN LATERAL pg_identify_object(d.classid, d.objid, 0) AS m),
                     -- Columns and rows are chosen from PostgreSQL 15 on. Without a choice every column of the day is listed.
                     (SELECT string_agg(concat_ws(' ', r.prrelid::regclass,
                                                  CASE WHEN to_jsonb(r) ->> 'prattrs' IS NOT NULL THEN to_jsonb(t) ->> 'attnames' END,
                                                  to_jsonb(t) ->> 'rowfilter'), ', ' ORDER BY r.prrelid::regclass::text)
                      FROM pg_publication_rel r
                      JOIN pg_class c ON c.oid = r.prrelid
                      JOIN pg_namespace s ON s.oid = c.relnamespace
                      JOIN pg_publication_tables t ON t.pubname = p.pubname AND t.schemaname = s.nspname AND t.tablename = c.relname
                      WHERE r.prpubid = p.oid))
    FROM pg_publication p
    UNION ALL
    SELECT 'pg_rewrite'::regclass, r.oid, c.relnamespace, concat_ws(' ', pg_get_ruledef(r.oid), r.ev_enabled)
    FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class WHERE r.rulename <> '_RETURN'
) AS o
LEFT JOIN pg_namespace n ON n.oid = o.namespace
CROSS JOIN LATERAL pg_identify_object(o.classid, o.objid, 0) AS i
WHERE o.objid >= 16384
  AND (n.nspname IS NULL OR (n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'forge')))
  AND NOT EXISTS (
      SELECT FROM pg_depend e
      -- An extension's, or the cast that comes with a range type.
      WHERE e.classid = o.classid AND e.objid = o.objid AND e.deptype IN ('e', 'i'))
UNION ALL
-- Their options hold passwords, which aren't compared. `forge.roles` says for whom a role stands.
SELECT 'user mapping',
       CASE WHEN m.umuser = 0 THEN 'public'
            ELSE quote_ident(COALESCE(NULLIF(current_setting('forge.roles', true), '')::jsonb ->> m.usename::text, m.usename::text)) END || ' on server ' || quote_ident(m.srvname),
       0
FROM pg_user_mappings m
UNION ALL
-- Privileges on what belongs to an extension or to the server itself, where they are neither those that it came with nor
-- those that default privileges give to what comes. What a role grants to itself is no difference where it is the owner.
SELECT CASE WHEN h.privileges = '{}' THEN 'REVOKE' ELSE 'GRANT' END,
       concat_ws(' ', 'on', i.type, i.identity, CASE WHEN h.privileges = '{}' THEN 'from' ELSE 'to' END,
                 CASE WHEN h.grantee = 0 THEN 'PUBLIC'
                      ELSE COALESCE(NULLIF(current_setting('forge.roles', true), '')::jsonb ->> r.rolname::text,
                                    r.rolname::text, h.grantee::text) END),
       hashtextextended(h.privileges::text, 0)
FROM (
    SELECT 'pg_class'::regclass::oid AS classid, c.oid AS objid, 0 AS objsubid, c.relnamespace AS namespace, c.relowner AS owner,
           CASE WHEN c.relkind = 'S' THEN 's'::"char" ELSE 'r'::"char" END AS type, c.relacl AS acl
    FROM pg_class c WHERE c.relacl IS NOT NULL
    UNION ALL
    SELECT 'pg_class'::regclass, c.oid, a.attnum, 0, c.relowner, 'c', a.attacl
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid WHERE a.attacl IS NOT NULL
    UNION ALL
    SELECT 'pg_proc'::regclass, p.oid, 0, p.pronamespace, p.proowner, 'f', p.proacl FROM pg_proc p WHERE p.proacl IS NOT NULL
    UNION ALL
    SELECT 'pg_type'::regclass, t.oid, 0, t.typnamespace, t.typowner, 'T', t.typacl FROM pg_type t WHERE t.typacl IS NOT NULL
    UNION ALL
    SELECT 'pg_namespace'::regclass, n.oid, 0, 0, n.nspowner, 'n', n.nspacl FROM pg_namespace n
    WHERE n.nspacl IS NOT NULL AND n.nspname NOT IN ('public', 'information_schema')
    UNION ALL
    SELECT 'pg_language'::regclass, l.oid, 0, 0, l.lanowner, 'l', l.lanacl FROM pg_language l WHERE l.lanacl IS NOT NULL
    UNION ALL
    SELECT 'pg_foreign_data_wrapper'::regclass, f.oid, 0, 0, f.fdwowner, 'F', f.fdwacl
    FROM pg_foreign_data_wrapper f WHERE f.fdwacl IS NOT NULL
    UNION ALL
    SELECT 'pg_foreign_server'::regclass, s.oid, 0, 0, s.srvowner, 'S', s.srvacl FROM pg_foreign_server s WHERE s.srvacl IS NOT NULL
) AS o
LEFT JOIN pg_init_privs p ON p.classoid = o.classid AND p.objoid = o.objid AND p.objsubid = o.objsubid
CROSS JOIN LATERAL (
    SELECT acldefault(o.type, o.owner) AS built_in,
           CASE o.type WHEN 's' THEN 'S' WHEN 'S' THEN NULL ELSE o.type END AS kind
) AS d
CROSS JOIN LATERAL (
    SELECT x.grantee,
           COALESCE(array_agg(x.privilege ORDER BY x.privilege) FILTER (WHERE x.source = 'now'), '{}') AS privileges,
           COALESCE(array_agg(x.privilege ORDER BY x.privilege) FILTER (WHERE x.source = 'came'), '{}') AS came,
           COALESCE(array_agg(DISTINCT x.privilege ORDER BY x.privilege) FILTER (WHERE x.source = 'given'), '{}') AS given
    FROM (
        SELECT v.source, e.grantee, e.privilege_type || CASE WHEN e.is_grantable THEN '*' ELSE '' END AS privilege
        FROM (
            VALUES ('now', o.acl), ('came', COALESCE(p.initprivs, d.built_in)),
                   ('given', COALESCE((SELECT a.defaclacl FROM pg_default_acl a WHERE a.defaclrole = o.owner AND a.defaclnamespace = 0
                                         AND a.defaclobjtype = d.kind), d.built_in)),
                   ('given', (SELECT a.defaclacl FROM pg_default_acl a WHERE a.defaclrole = o.owner
                                AND a.defaclnamespace = o.namespace AND a.defaclobjtype = d.kind))
        ) AS v (source, acl)
        CROSS JOIN LATERAL aclexplode(v.acl) AS e
        -- What came with privileges of its own has had those of the defaults before.
        WHERE v.source <> 'given' OR p.initprivs IS NULL
    ) AS x
    GROUP BY x.grantee
) AS h
LEFT JOIN pg_roles r ON r.oid = h.grantee
CROSS JOIN LATERAL pg_identify_object(o.classid, o.objid, o.objsubid) AS i
WHERE o.acl IS DISTINCT FROM COALESCE(p.initprivs, '{}')
  -- pg_dump, too, looks at no other schema of the server's own.
  AND ((o.objid < 16384 AND o.namespace IN (0, 'pg_catalog'::regnamespace))
       OR EXISTS (SELECT FROM pg_depend e WHERE e.classid = o.classid AND e.objid = o.objid AND e.deptype = 'e'))
  AND h.privileges <> h.came AND (p.initprivs IS NOT NULL OR h.privileges <> h.given)
  AND r.rolname IS DISTINCT FROM current_user
ORDER BY 1, 2
