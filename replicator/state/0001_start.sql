-- One row per pipeline: who may write its checkpoint, and the checkpoint itself.
-- The columns of the checkpoint are null until the first one is saved.
CREATE TABLE pipelines (
    pipeline TEXT PRIMARY KEY,
    epoch INTEGER NOT NULL,             -- the newest claim
    clean INTEGER NOT NULL,             -- 1 once the newest claim was released
    checkpoint_epoch INTEGER,           -- the claim that wrote the checkpoint
    positions TEXT,                     -- JSON: partition to position
    backfill TEXT                       -- JSON, or null where there is no backfill
) WITHOUT ROWID;

-- Keys deleted while a backfill runs. ``key`` is the text of ``replicator.model.key.key_text``.
CREATE TABLE tombstones (
    pipeline TEXT NOT NULL,
    run INTEGER NOT NULL,
    key TEXT NOT NULL,
    PRIMARY KEY (pipeline, run, key)
) WITHOUT ROWID;

-- Ids are never used again, so that an id that an operator has seen never names another letter.
CREATE TABLE dead_letters (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    pipeline TEXT NOT NULL,
    key TEXT NOT NULL,
    kind TEXT NOT NULL,
    record BLOB,                        -- JSON of ``record_to_json``, null for a delete
    error_code TEXT NOT NULL,
    message TEXT NOT NULL,
    hint TEXT NOT NULL,
    committed_at REAL NOT NULL,         -- seconds since the epoch
    failed_at REAL NOT NULL,            -- seconds since the epoch
    state TEXT NOT NULL CHECK (state IN ('open', 'replayed', 'waived'))
);

-- A key has at most one open letter: a newer one takes its place.
CREATE UNIQUE INDEX dead_letters_open ON dead_letters (pipeline, key) WHERE state = 'open';
CREATE INDEX dead_letters_key ON dead_letters (pipeline, key, id);

CREATE TABLE journal (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at REAL NOT NULL,                   -- seconds since the epoch
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    pipeline TEXT,
    detail TEXT NOT NULL                -- JSON
);
