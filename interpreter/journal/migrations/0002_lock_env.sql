-- Locks live in the environment of their run. From this format on a run's row
-- names its newest event at every moment (digest "v2:"); rows with a digest
-- "v1:" may lag behind until they are written next.
CREATE TABLE locks_of_env (
    env   TEXT    NOT NULL, -- of the run
    name  TEXT    NOT NULL,
    run   INTEGER NOT NULL REFERENCES runs (num),
    since INTEGER NOT NULL,
    owner TEXT    NOT NULL, -- JSON
    seal  TEXT    NOT NULL,
    PRIMARY KEY (env, name)
) STRICT;
INSERT INTO locks_of_env SELECT r.env, l.name, l.run, l.since, l.owner, l.seal FROM locks l JOIN runs r ON r.num = l.run;
DROP TABLE locks;
ALTER TABLE locks_of_env RENAME TO locks;
CREATE INDEX locks_run ON locks (run);
