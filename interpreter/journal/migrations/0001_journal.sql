-- Times are nanoseconds since 1970, UTC. Seals are keyed digests over the row,
-- see seal.go. What changes often stands first in its row.

-- One row a run. Numbers are never given twice, and each number is either
-- here or in "deleted".
CREATE TABLE runs (
    num         INTEGER PRIMARY KEY AUTOINCREMENT,
    epoch       INTEGER NOT NULL,
    lease_until INTEGER NOT NULL, -- 0 when nobody holds the run
    lease_since INTEGER NOT NULL,
    status      TEXT    NOT NULL,
    head_seq    INTEGER NOT NULL, -- the newest event when this row was last written
    head_hash   BLOB    NOT NULL,
    seal        TEXT    NOT NULL,
    id          TEXT    NOT NULL UNIQUE,
    name        TEXT    NOT NULL,
    script      TEXT    NOT NULL,
    created     INTEGER NOT NULL,
    env         TEXT    NOT NULL,
    started_by  TEXT    NOT NULL,
    parent      TEXT    NOT NULL,
    successor   TEXT    NOT NULL,
    holder      TEXT    NOT NULL, -- JSON of the owner, '' when nobody holds the run
    params      TEXT    NOT NULL  -- canonical JSON
) STRICT;

-- Append-only; each row's hash covers the row and the hash before it.
CREATE TABLE events (
    run     INTEGER NOT NULL REFERENCES runs (num),
    seq     INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    epoch   INTEGER NOT NULL,
    kind    TEXT    NOT NULL,
    place   TEXT    NOT NULL,
    version INTEGER NOT NULL, -- of the body's format
    body    TEXT    NOT NULL, -- JSON
    hash    BLOB    NOT NULL,
    PRIMARY KEY (run, seq)
) STRICT, WITHOUT ROWID;

-- Every version of every file that a run was made from. seq is the event that
-- brought it.
CREATE TABLE sources (
    run  INTEGER NOT NULL REFERENCES runs (num),
    seq  INTEGER NOT NULL,
    name TEXT    NOT NULL,
    hash TEXT    NOT NULL, -- SHA-256 of text, in hex
    text BLOB    NOT NULL,
    PRIMARY KEY (run, seq, name)
) STRICT;

CREATE TABLE locks (
    name  TEXT    NOT NULL PRIMARY KEY,
    run   INTEGER NOT NULL REFERENCES runs (num),
    since INTEGER NOT NULL,
    owner TEXT    NOT NULL, -- JSON
    seal  TEXT    NOT NULL
) STRICT;
CREATE INDEX locks_run ON locks (run);

-- What is left of a deleted run, so that its id never comes back.
CREATE TABLE deleted (
    num       INTEGER NOT NULL PRIMARY KEY,
    id        TEXT    NOT NULL UNIQUE,
    name      TEXT    NOT NULL,
    at        INTEGER NOT NULL,
    head_seq  INTEGER NOT NULL,
    head_hash BLOB    NOT NULL,
    seal      TEXT    NOT NULL
) STRICT;

-- Which key file belongs to this database.
CREATE TABLE key_file (
    one         INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
    fingerprint TEXT    NOT NULL
) STRICT;
