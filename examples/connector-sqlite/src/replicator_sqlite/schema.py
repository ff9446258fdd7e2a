"""The tables of a file. Each script may be run any number of times."""

RECORDS = """
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS records (
    key TEXT PRIMARY KEY,    -- as replicator.model.key.key_text writes it
    record TEXT NOT NULL,    -- JSON, as replicator.model.record.record_to_json writes it
    etag TEXT NOT NULL DEFAULT (hex(randomblob(16)))  -- new with every write, and never again
);
COMMIT;
"""

LOG = """
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS log (name TEXT NOT NULL);
INSERT INTO log SELECT 'log-' || hex(randomblob(8)) WHERE NOT EXISTS (SELECT 1 FROM log);
CREATE TABLE IF NOT EXISTS changes (
    number INTEGER PRIMARY KEY AUTOINCREMENT,  -- without gaps: a rollback takes its numbers back
    key TEXT,                                  -- NULL: this entry is a mark
    record TEXT,                               -- NULL: the key was deleted
    mark TEXT,
    committed_at REAL NOT NULL DEFAULT ((julianday('now') - 2440587.5) * 86400)  -- since the epoch
);
CREATE TRIGGER IF NOT EXISTS log_insert AFTER INSERT ON records BEGIN
    INSERT INTO changes (key, record) VALUES (NEW.key, NEW.record);
END;
CREATE TRIGGER IF NOT EXISTS log_update AFTER UPDATE ON records BEGIN
    INSERT INTO changes (key) SELECT OLD.key WHERE OLD.key <> NEW.key;
    INSERT INTO changes (key, record) VALUES (NEW.key, NEW.record);
END;
CREATE TRIGGER IF NOT EXISTS log_delete AFTER DELETE ON records BEGIN
    INSERT INTO changes (key) VALUES (OLD.key);
END;
COMMIT;
"""
