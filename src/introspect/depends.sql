-- What depends on what, between objects of the database. Types that are a relation's own row or another type's array
-- stand for these; a view's rule stands for the view, an index for its constraint, a generated column's expression for
-- the column.
WITH RECURSIVE copies AS (
    -- A foreign key from or to a partitioned table has a copy for each partition, which comes and goes with it.
    SELECT k.oid AS copy, k.conparentid AS whole FROM pg_constraint k WHERE k.contype = 'f' AND k.conparentid <> 0
    UNION
    SELECT c.copy, k.conparentid FROM copies c JOIN pg_constraint k ON k.oid = c.whole WHERE k.conparentid <> 0
), alias AS (
    SELECT 'pg_constraint'::regclass::oid AS classid, c.copy AS objid, 'pg_constraint'::regclass::oid AS to_class, c.whole AS to_obj, 0 AS to_sub
    FROM copies c JOIN pg_constraint k ON k.oid = c.whole WHERE k.conparentid = 0
    UNION ALL
    SELECT 'pg_type'::regclass, t.oid, 'pg_class'::regclass, t.typrelid, 0
    FROM pg_type t WHERE t.typrelid <> 0 AND t.oid >= 16384
    UNION ALL
    SELECT 'pg_type'::regclass, t.oid,
           CASE WHEN e.typrelid <> 0 THEN 'pg_class'::regclass ELSE 'pg_type'::regclass END,
           CASE WHEN e.typrelid <> 0 THEN e.typrelid ELSE e.oid END, 0
    FROM pg_type e JOIN pg_type t ON t.oid = e.typarray WHERE e.typarray <> 0 AND e.oid >= 16384
    UNION ALL
    SELECT 'pg_rewrite'::regclass, r.oid, 'pg_class'::regclass, r.ev_class, 0
    FROM pg_rewrite r WHERE r.rulename = '_RETURN' AND r.oid >= 16384
    UNION ALL
    SELECT 'pg_class'::regclass, k.conindid, 'pg_constraint'::regclass, k.oid, 0
    FROM pg_constraint k WHERE k.contype IN ('p', 'u', 'x') AND k.conindid <> 0
    UNION ALL
    SELECT 'pg_attrdef'::regclass, d.oid, 'pg_class'::regclass, d.adrelid, d.adnum
    FROM pg_attrdef d JOIN pg_attribute a ON a.attrelid = d.adrelid AND a.attnum = d.adnum WHERE a.attgenerated <> ''
    UNION ALL
    SELECT 'pg_trigger'::regclass, g.oid, 'pg_constraint'::regclass, g.tgconstraint, 0
    FROM pg_trigger g WHERE g.tgisinternal AND g.tgconstraint <> 0
)
SELECT COALESCE(a.to_class, d.classid) AS classid,
       COALESCE(a.to_obj, d.objid) AS objid,
       COALESCE(a.to_sub, d.objsubid) AS objsubid,
       COALESCE(r.to_class, d.refclassid) AS refclassid,
       COALESCE(r.to_obj, d.refobjid) AS refobjid,
       COALESCE(CASE WHEN d.refclassid = 'pg_class'::regclass THEN r.to_sub
                     ELSE COALESCE(r.to_sub, d.refobjsubid) END, d.refobjsubid) AS refobjsubid,
       d.deptype::text AS deptype
FROM pg_depend d
LEFT JOIN alias a ON a.classid = d.classid AND a.objid = d.objid
LEFT JOIN alias r ON r.classid = d.refclassid AND r.objid = d.refobjid
WHERE d.objid >= 16384
  -- That a sequence goes with its column is the sequence's own attribute; it doesn't need the column.
  AND NOT (d.deptype = 'a' AND d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
           AND d.refobjsubid > 0 AND EXISTS (SELECT FROM pg_sequence s WHERE s.seqrelid = d.objid))
  AND (d.refobjid >= 16384 OR d.refclassid = 'pg_namespace'::regclass)
ORDER BY 1, 2, 3, 4, 5, 6
