-- What the current transaction has changed of the server's own objects and of extensions': functions that would run with
-- other rights than those of the loading role $1, owners, and support functions of the server's operator families.
-- Objects below 16384 came with the server; of those only the schema public is the database's own.
WITH own AS (
    SELECT r.oid FROM pg_roles r WHERE r.rolname = $1::text
    UNION ALL
    SELECT m.roleid FROM pg_auth_members m JOIN pg_roles r ON r.oid = m.member WHERE r.rolname = $1::text
), touched AS (
    SELECT 'pg_proc'::regclass AS classid, p.oid AS objid
    FROM pg_proc p
    WHERE p.xmin = pg_current_xact_id()::xid
      AND (p.oid < 16384
           OR EXISTS (SELECT FROM pg_depend e
                      WHERE e.classid = 'pg_proc'::regclass AND e.objid = p.oid AND e.deptype = 'e'))
    UNION
    SELECT 'pg_opfamily'::regclass, f.amprocfamily
    FROM pg_amproc f
    WHERE f.amprocfamily < 16384 AND f.xmin = pg_current_xact_id()::xid
    UNION
    SELECT 'pg_opfamily'::regclass, f.amopfamily
    FROM pg_amop f
    WHERE f.amopfamily < 16384 AND f.xmin = pg_current_xact_id()::xid
    UNION
    SELECT s.classid, s.objid
    FROM pg_shdepend s
    JOIN pg_database d ON d.oid = s.dbid AND d.datname = current_database()
    WHERE s.deptype = 'o' AND s.refclassid = 'pg_authid'::regclass AND s.refobjid IN (SELECT oid FROM own)
      AND (s.objid < 16384 AND (s.classid, s.objid) <> ('pg_namespace'::regclass, to_regnamespace('public'))
           OR EXISTS (SELECT FROM pg_depend e
                      WHERE e.classid = s.classid AND e.objid = s.objid AND e.deptype = 'e'
                        AND e.classid <> 'pg_extension'::regclass AND e.classid <> 'pg_namespace'::regclass))
)
SELECT pg_describe_object(t.classid, t.objid, 0) AS object
FROM touched t
ORDER BY object
