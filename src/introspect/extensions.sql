-- What belongs to an extension, so that a dependency on a member is one on the extension.
SELECT d.classid, d.objid, d.refobjid AS extension
FROM pg_depend d
WHERE d.deptype = 'e' AND d.refclassid = 'pg_extension'::regclass AND d.objid >= 16384
ORDER BY d.classid, d.objid
