CREATE SCHEMA audit;

COMMENT ON SCHEMA audit IS 'Who changed what; written by triggers, read by reports, changed by nobody';
