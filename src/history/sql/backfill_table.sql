-- How far each step that goes in batches has come. A batch and its line here are one transaction.
CREATE TABLE forge.backfill (
    rev text NOT NULL REFERENCES forge.revision (rev),
    step int NOT NULL,
    relation text NOT NULL,
    last_key jsonb,
    end_key jsonb,
    rows_done bigint NOT NULL DEFAULT 0,
    rows_written bigint NOT NULL DEFAULT 0,
    rows_est bigint,
    paused boolean NOT NULL DEFAULT false,
    aborted boolean NOT NULL DEFAULT false,
    started timestamptz NOT NULL DEFAULT clock_timestamp(),
    heartbeat timestamptz NOT NULL DEFAULT clock_timestamp(),
    finished timestamptz,
    run_id text NOT NULL,
    run_started timestamptz NOT NULL DEFAULT clock_timestamp(),
    run_rows bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (rev, step)
);

COMMENT ON COLUMN forge.backfill.last_key IS 'the key of the last row that is done, as an array of texts';
COMMENT ON COLUMN forge.backfill.end_key IS 'the greatest key when the step began: rows behind it are not its business';
COMMENT ON COLUMN forge.backfill.rows_done IS 'rows that were passed; rows_written of them were changed';
