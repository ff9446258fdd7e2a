-- Keys to be copied by state: at most one row per key. A key that is noted again takes a new generation.
CREATE TABLE dirty_rows (
    pipeline TEXT NOT NULL,
    key TEXT NOT NULL,
    generation INTEGER NOT NULL,        -- of the newest note
    dirty_from INTEGER NOT NULL,        -- the least generation whose note may not have been copied
    since REAL NOT NULL,                -- seconds since the epoch
    PRIMARY KEY (pipeline, key)
) WITHOUT ROWID;

CREATE UNIQUE INDEX dirty_rows_generation ON dirty_rows (pipeline, generation);
CREATE INDEX dirty_rows_since ON dirty_rows (pipeline, since);
CREATE INDEX dirty_rows_from ON dirty_rows (pipeline, dirty_from);

-- The newest generation given, of all pipelines; none is given twice, whatever becomes of its row.
CREATE TABLE generations (newest INTEGER NOT NULL);
INSERT INTO generations VALUES (0);
