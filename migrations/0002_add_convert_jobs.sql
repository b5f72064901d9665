-- A kind of job more: convert.
--
-- SQLite cannot change a CHECK, so the table of jobs is built anew and takes the place of the old
-- one. Its rows keep their numbers, which the other tables refer to; the migrator has references
-- unchecked meanwhile, and checks them all before the step is committed. What is only about
-- `job`, indexes and triggers, goes with the old table and is made again as it was; the counts in
-- `job_count` stay, because nothing counts while the rows are copied.

CREATE TABLE job_with_convert (
    number           INTEGER PRIMARY KEY,
    id               TEXT    NOT NULL UNIQUE CHECK (length(id) = 30 AND id GLOB 'job_*'),
    kind             TEXT    NOT NULL
                     CHECK (kind IN
                            ('teacher', 'collect', 'convert', 'train', 'eval', 'dryrun', 'export')),
    name             TEXT    NOT NULL,
    state            TEXT    NOT NULL
                     CHECK (state IN ('waiting', 'queued', 'running', 'succeeded', 'failed', 'cancelled')),
    priority         INTEGER NOT NULL,                     -- higher goes first
    slot             TEXT    NOT NULL CHECK (slot IN ('compute', 'io')),
    tags             TEXT    NOT NULL CHECK (json_valid(tags)),
    spec             TEXT    NOT NULL CHECK (json_valid(spec)),
    comes_after      TEXT    NOT NULL CHECK (json_valid(comes_after)),  -- array of job ids
    attempt          INTEGER NOT NULL DEFAULT 0 CHECK (attempt >= 0),   -- begun so far: the fence
    max_attempts     INTEGER NOT NULL CHECK (max_attempts >= 1),
    failures         INTEGER NOT NULL DEFAULT 0 CHECK (failures >= 0),  -- since submitted or retried
    losses           INTEGER NOT NULL DEFAULT 0 CHECK (losses >= 0),    -- in a row, without a checkpoint
    boot             TEXT,                                 -- the process that runs it
    heartbeat_at     INTEGER,
    cancel_requested INTEGER NOT NULL DEFAULT 0 CHECK (cancel_requested IN (0, 1)),
    progress         TEXT    CHECK (progress IS NULL OR json_valid(progress)),
    result           TEXT    CHECK (result IS NULL OR json_valid(result)),
    problem          TEXT    CHECK (problem IS NULL OR json_valid(problem)),
    health           TEXT    CHECK (health IS NULL OR json_valid(health)),
    checkpoint       TEXT,                                 -- the last one recorded
    resumed_from     TEXT,                                 -- the one that this attempt goes on from
    created_at       INTEGER NOT NULL,
    queued_at        INTEGER,
    started_at       INTEGER,
    finished_at      INTEGER,
    not_before       INTEGER,                              -- back-off
    last_event       INTEGER NOT NULL CHECK (last_event >= 0),
    CHECK ((state = 'running') = (boot IS NOT NULL)),
    CHECK ((state = 'running') = (heartbeat_at IS NOT NULL)),
    CHECK (state = 'running' OR cancel_requested = 0),
    CHECK ((state IN ('succeeded', 'failed', 'cancelled')) = (finished_at IS NOT NULL)),
    CHECK ((state = 'succeeded') = (result IS NOT NULL)),
    CHECK (state <> 'failed' OR problem IS NOT NULL),
    CHECK (state NOT IN ('running', 'succeeded', 'failed') OR attempt >= 1),
    CHECK (state NOT IN ('queued', 'running', 'succeeded', 'failed') OR queued_at IS NOT NULL),
    CHECK (state <> 'waiting' OR json_array_length(comes_after) >= 1),
    CHECK (not_before IS NULL OR state = 'queued')
) STRICT;

INSERT INTO job_with_convert SELECT * FROM job;
DROP TABLE job;
ALTER TABLE job_with_convert RENAME TO job;

-- Serves JobStore.claimNext and nextDue.
CREATE INDEX job_to_claim ON job (slot, priority DESC, id) WHERE state = 'queued';
-- Serves JobStore.oldestClaimable.
CREATE INDEX job_by_queue_time ON job (queued_at) WHERE state = 'queued';
-- Serve JobStore.jobs by state, by kind, and by both; the first also recover and heartbeat.
CREATE INDEX job_by_state ON job (state, id);
CREATE INDEX job_by_kind ON job (kind, id);
CREATE INDEX job_by_kind_and_state ON job (kind, state, id);
-- Serves JobStore.retentionCandidates.
CREATE INDEX job_by_end ON job (finished_at) WHERE finished_at IS NOT NULL;

-- A job moves only along the arrows of JobState.swift, and only a claim takes a new attempt number.
CREATE TRIGGER job_moves BEFORE UPDATE OF state, attempt ON job
WHEN NOT (
    (OLD.state = NEW.state AND OLD.attempt = NEW.attempt)
    OR (OLD.state = 'queued' AND NEW.state = 'running' AND NEW.attempt = OLD.attempt + 1)
    OR (NEW.attempt = OLD.attempt AND (
        (OLD.state = 'waiting' AND NEW.state IN ('queued', 'cancelled'))
        OR (OLD.state = 'queued' AND NEW.state = 'cancelled')
        OR (OLD.state = 'running' AND NEW.state IN ('queued', 'succeeded', 'failed', 'cancelled'))
        OR (OLD.state IN ('failed', 'cancelled') AND NEW.state IN ('waiting', 'queued'))
    ))
)
BEGIN
    SELECT RAISE(ABORT, 'a job cannot move like this');
END;

CREATE TRIGGER job_count_insert AFTER INSERT ON job BEGIN
    INSERT INTO job_count VALUES (NEW.kind, NEW.state, 1)
        ON CONFLICT (kind, state) DO UPDATE SET count = count + 1;
END;

CREATE TRIGGER job_count_update AFTER UPDATE OF state ON job WHEN OLD.state <> NEW.state BEGIN
    UPDATE job_count SET count = count - 1 WHERE kind = OLD.kind AND state = OLD.state;
    INSERT INTO job_count VALUES (NEW.kind, NEW.state, 1)
        ON CONFLICT (kind, state) DO UPDATE SET count = count + 1;
END;

CREATE TRIGGER job_count_delete AFTER DELETE ON job BEGIN
    UPDATE job_count SET count = count - 1 WHERE kind = OLD.kind AND state = OLD.state;
END;
