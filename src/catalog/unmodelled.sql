-- Objects of the database that no kind models: they are reported, never dropped silently.
SELECT i.type, i.identity, n.nspname::text AS schema
FROM (
    SELECT 'pg_class'::regclass::oid AS classid, c.oid AS objid, c.relnamespace AS namespace
    FROM pg_class c WHERE c.relkind = 'f'
    UNION ALL
    SELECT 'pg_proc'::regclass, p.oid, p.pronamespace FROM pg_proc p WHERE p.prokind = 'a'
    UNION ALL
    SELECT 'pg_type'::regclass, t.oid, t.typnamespace
    FROM pg_type t
    WHERE t.typtype = 'r' OR (t.typtype = 'b' AND t.typelem = 0 AND t.typarray <> 0) OR (t.typtype = 'p' AND NOT t.typisdefined)
    UNION ALL
    SELECT 'pg_operator'::regclass, o.oid, o.oprnamespace FROM pg_operator o
    UNION ALL
    SELECT 'pg_opclass'::regclass, o.oid, o.opcnamespace FROM pg_opclass o
    UNION ALL
    SELECT 'pg_opfamily'::regclass, o.oid, o.opfnamespace FROM pg_opfamily o
    UNION ALL
    SELECT 'pg_collation'::regclass, c.oid, c.collnamespace FROM pg_collation c
    UNION ALL
    SELECT 'pg_conversion'::regclass, c.oid, c.connamespace FROM pg_conversion c
    UNION ALL
    SELECT 'pg_statistic_ext'::regclass, s.oid, s.stxnamespace FROM pg_statistic_ext s
    UNION ALL
    SELECT 'pg_ts_config'::regclass, t.oid, t.cfgnamespace FROM pg_ts_config t
    UNION ALL
    SELECT 'pg_ts_dict'::regclass, t.oid, t.dictnamespace FROM pg_ts_dict t
    UNION ALL
    SELECT 'pg_ts_parser'::regclass, t.oid, t.prsnamespace FROM pg_ts_parser t
    UNION ALL
    SELECT 'pg_ts_template'::regclass, t.oid, t.tmplnamespace FROM pg_ts_template t
    UNION ALL
    SELECT 'pg_cast'::regclass, c.oid, NULL FROM pg_cast c
    UNION ALL
    SELECT 'pg_event_trigger'::regclass, e.oid, NULL FROM pg_event_trigger e
    UNION ALL
    SELECT 'pg_foreign_data_wrapper'::regclass, f.oid, NULL FROM pg_foreign_data_wrapper f
    UNION ALL
    SELECT 'pg_foreign_server'::regclass, f.oid, NULL FROM pg_foreign_server f
    UNION ALL
    SELECT 'pg_language'::regclass, l.oid, NULL FROM pg_language l
    UNION ALL
    SELECT 'pg_am'::regclass, a.oid, NULL FROM pg_am a
    UNION ALL
    SELECT 'pg_transform'::regclass, t.oid, NULL FROM pg_transform t
    UNION ALL
    SELECT 'pg_publication'::regclass, p.oid, NULL FROM pg_publication p
    UNION ALL
    SELECT 'pg_rewrite'::regclass, r.oid, c.relnamespace
    FROM pg_rewrite r JOIN pg_class c ON c.oid = r.ev_class WHERE r.rulename <> '_RETURN'
) AS o
LEFT JOIN pg_namespace n ON n.oid = o.namespace
CROSS JOIN LATERAL pg_identify_object(o.classid, o.objid, 0) AS i
WHERE o.objid >= 16384
  AND (n.nspname IS NULL OR (n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'forge')))
  AND NOT EXISTS (
      SELECT FROM pg_depend e
      WHERE e.classid = o.classid AND e.objid = o.objid AND e.deptype = 'e')
ORDER BY i.type, i.identity
