-- The ledger, format 2; `schema-3.sql` goes on. Holds no secret and no contact value: factors are known
-- by fingerprint. SQLite keeps each statement as it is written here, comments included, and a ledger's
-- are compared with these: not a byte of them may change.
PRAGMA application_id = 0x6d666672; -- "mffr"
PRAGMA user_version = 2;

-- tenant: base URL it is bound to; key: 32 random bytes for fingerprints; id: of this ledger and
-- its seal; check: of these three.
CREATE TABLE meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE runs (
    id         INTEGER PRIMARY KEY,
    command    TEXT NOT NULL,
    input      TEXT NOT NULL,
    started_at INTEGER NOT NULL,     -- ms since 1970, our clock, as every time here
    ended_at   INTEGER,              -- NULL: running, or killed
    complete   INTEGER               -- 1: the whole input was settled
) STRICT;

-- One row a factor, or what else was asked for, in order of admission. Codes are those of
-- model::Operation, model::State, model::FactorType and retry::How.
CREATE TABLE factors (
    seq         INTEGER PRIMARY KEY,
    fingerprint BLOB NOT NULL,
    operation   INTEGER NOT NULL,
    run         INTEGER NOT NULL,
    line        INTEGER NOT NULL,
    user_id     TEXT NOT NULL,
    type        INTEGER,
    name        INTEGER,             -- stands for the name that was given
    state       INTEGER NOT NULL,
    how         INTEGER,
    attempts    INTEGER NOT NULL,    -- that may have reached the server, an open one included
    doubts      INTEGER NOT NULL,    -- of those, how many ended in doubt
    audited     INTEGER NOT NULL,    -- 1: confirmed by a list at the end of a run
    marked      INTEGER NOT NULL,    -- 1: its name bears a mark that is to be taken away
    intent_at   INTEGER,             -- before the first attempt in doubt
    skew        INTEGER,             -- how far the tenant's clock was ahead then
    method_id   TEXT,
    status      INTEGER,
    error       TEXT,
    settled_at  INTEGER,
    crc         INTEGER NOT NULL,    -- of all the above
    writes      INTEGER NOT NULL     -- how often this row was written; the seal has the sum
) STRICT;

-- Rows refused before sending, by the input they stand in.
CREATE TABLE rejections (
    input   TEXT NOT NULL,
    line    INTEGER NOT NULL,
    item    INTEGER NOT NULL,        -- index in authentication_methods, else -1
    run     INTEGER NOT NULL,
    user_id TEXT,
    type    INTEGER,
    faults  TEXT NOT NULL,           -- JSON: [{"field":…,"rule":…}]
    at      INTEGER NOT NULL,
    PRIMARY KEY (input, line, item)
) STRICT, WITHOUT ROWID;
