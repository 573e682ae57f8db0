-- The ledger, from format 2 to format 3: paths inside of documents, and rows that are not carried.

-- Path of the row inside of a document, where that says more than a line. In `crc` where it is there.
ALTER TABLE factors ADD COLUMN at TEXT;

-- Rows refused before sending, by the input they stand in.
CREATE TABLE refusals (
    input      TEXT NOT NULL,
    line       INTEGER NOT NULL,
    item       INTEGER NOT NULL,     -- number of the row among those of its line, else -1
    run        INTEGER NOT NULL,
    user_id    TEXT,
    type       INTEGER,
    state      INTEGER NOT NULL,     -- rejected, or not carried
    at         TEXT,                 -- as in factors
    faults     TEXT NOT NULL,        -- JSON: [{"field":…,"rule":…,"code":…}]
    refused_at INTEGER NOT NULL,
    PRIMARY KEY (input, line, item)
) STRICT, WITHOUT ROWID;

INSERT INTO refusals
    SELECT input, line, item, run, user_id, type, 4, NULL, faults, at FROM rejections;
DROP TABLE rejections;
PRAGMA user_version = 3;
