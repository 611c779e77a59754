-- The state of the system catalogs in one line: which row versions there are. Any DDL changes it; VACUUM and ANALYZE, which
-- write statistics in place, don't. A sixth of the cost of reading the catalog.
SELECT concat_ws(' ',
    (SELECT c.system_identifier FROM pg_control_system() AS c),
    (SELECT c.timeline_id FROM pg_control_checkpoint() AS c),
    (SELECT d.oid FROM pg_database d WHERE d.datname = current_database()),
    current_setting('server_version_num'),
    (SELECT bit_xor(hashtextextended(r.rolname, r.oid::bigint)) FROM pg_roles r),
    (SELECT string_agg(concat_ws('.', s.rows, s.hash), ' ' ORDER BY s.place) FROM (
        SELECT 1 AS place, count(*) AS rows, bit_xor(hashtidextended(ctid, xmin::text::bigint)) AS hash FROM pg_namespace
        UNION ALL SELECT 2, count(*), bit_xor(hashtidextended(ctid, xmin::text::bigint)) FROM pg_class
        UNION ALL SELECT 3, count(*), bit_xor(hashtidextended(ctid, xmin::text::bigint)) FROM pg_attribute
        UNION ALL SELECT 4, count(*), bit_xor(hashtidextended(ctid, xmin::text::bigint)) FROM pg_attrdef
        UNION ALL SELECT 5, count(*), bit_xor(hashtidextended(ctid, xmin::text::bigint)) FROM pg_type
        UNION ALL SELECT 6, count(*), bit_xor(hashtidextended(ctid, xmin::text::bigint)) FROM pg_enum
        UNION ALL SELECT 7, count(*), bit_xor(hashtidextended(ctid, xmin::text::bigint)) FROM pg_range
        UNION ALL SELECT 8, count(*), bit_xor(hashtidextended(ctid, xmin::text::bigint)) FROM pg_proc
        UNION ALL SELECT 9, count(*), bit_xor(hashtidextended(ctid, xmin::text::bigint)) FROM pg_constraint
        UNION ALL SELECT 10, count(*), bit_xor(hashtidextended(ctid, xmin::text::bigint)) FROM pg_index
        UNION ALL SELECT 11, count(*), bit_xor(hashtidextended(ctid, xmin::text::bigint)) FROM pg_inherits
        UNION ALL SELECT 12, count(*), bit_xor(hashtidextended(ctid, xmin::text::bigint)) FROM pg_partitioned_table
        UNION ALL SELECT 13, count(*), bit_xor(hashtidextended(ctid, xmin::text::bigint)) FROM pg_sequence
        UNION ALL SELECT 14, count(*), bit_xor(hashtidextended(ctid, xmin::text::bigint)) FROM pg_rewrite
        UNION ALL SELECT 15, count(*), bit_xor(hashtidextended(ctid, xmin::text::bigint)) FROM pg_trigger
        UNION ALL SELECT 16, count(*), bit_xor(hashtidextended(ctid, xmin::text::bigint)) FROM pg_policy
        UNION ALL SELECT 17, count(*), bit_xor(hashtidextended(ctid, xmin::text::bigint)) FROM pg_depend
        UNION ALL SELECT 18, count(*), bit_xor(hashtidextended(ctid, xmin::text::bigint)) FROM pg_description
        UNION ALL SELECT 19, count(*), bit_xor(hashtidextended(ctid, xmin::text::bigint)) FROM pg_default_acl
        UNION ALL SELECT 20, count(*), bit_xor(hashtidextended(ctid, xmin::text::bigint)) FROM pg_extension
        UNION ALL SELECT 21, count(*), bit_xor(hashtidextended(ctid, xmin::text::bigint)) FROM pg_collation
        UNION ALL SELECT 22, count(*), bit_xor(hashtidextended(ctid, xmin::text::bigint)) FROM pg_aggregate
        UNION ALL SELECT 23, count(*), bit_xor(hashtidextended(ctid, xmin::text::bigint)) FROM pg_operator
        UNION ALL SELECT 24, count(*), bit_xor(hashtidextended(ctid, xmin::text::bigint)) FROM pg_cast
        UNION ALL SELECT 25, count(*), bit_xor(hashtidextended(ctid, xmin::text::bigint)) FROM pg_statistic_ext
        UNION ALL SELECT 26, count(*), bit_xor(hashtidextended(ctid, xmin::text::bigint)) FROM pg_event_trigger
        UNION ALL SELECT 27, count(*), bit_xor(hashtidextended(ctid, xmin::text::bigint)) FROM pg_publication
        UNION ALL SELECT 28, count(*), bit_xor(hashtidextended(ctid, xmin::text::bigint)) FROM pg_foreign_server
        UNION ALL SELECT 29, count(*), bit_xor(hashtidextended(ctid, xmin::text::bigint)) FROM pg_language
        UNION ALL SELECT 30, count(*), bit_xor(hashtidextended(ctid, xmin::text::bigint)) FROM pg_opclass
        UNION ALL SELECT 31, count(*), bit_xor(hashtidextended(ctid, xmin::text::bigint)) FROM pg_ts_config
        UNION ALL SELECT 32, count(*), bit_xor(hashtidextended(ctid, xmin::text::bigint)) FROM pg_tablespace
    ) AS s),
    current_user) AS state
