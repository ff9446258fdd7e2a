-- Who holds a pipeline. What was claimed before there were leases was claimed by the only process there was,
-- and has ended with it.
ALTER TABLE pipelines ADD COLUMN renewals INTEGER NOT NULL DEFAULT 0;      -- of the newest claim
ALTER TABLE pipelines ADD COLUMN holder TEXT NOT NULL DEFAULT '';          -- who made the newest claim
ALTER TABLE pipelines ADD COLUMN released INTEGER NOT NULL DEFAULT 1;      -- 1 once its holder acts no more
ALTER TABLE pipelines ADD COLUMN lease_seconds REAL NOT NULL DEFAULT 0;    -- how long its holder acts unrenewed
ALTER TABLE pipelines ADD COLUMN call_seconds REAL NOT NULL DEFAULT 0;     -- the longest of its sink calls
