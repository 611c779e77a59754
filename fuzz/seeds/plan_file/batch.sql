-- forge:format 1
-- forge:revision aaaaaaaaaaaa
-- forge:message m
-- forge:author a
-- forge:created 2026-11-21T16:19:41Z
-- forge:postgres 15
-- forge:from 1f0ad78fa841d098fbe87f32794fdec0
-- forge:to 169cc46676fbe0a971f4e000eb28285b
-- forge:semver 0.1.0

-- forge:phase backfill
-- forge:data table app.t fill
-- lock: ROW EXCLUSIVE on app.t
-- hazard: deletes-data · why
-- forge:batch key=id size=10 pause=1s
UPDATE app.t SET a = 1 WHERE a IS NULL;

-- forge:step 2 create index app.i
-- forge:expects table app.t 1234
CREATE INDEX CONCURRENTLY i ON app.t (a);
