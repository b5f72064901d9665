-- Jobs, what happens to them, and what they leave behind.
--
-- Times are milliseconds since 1970-01-01T00:00:00Z. Texts that hold JSON are checked to be JSON.
-- The CHECKs and triggers repeat Sources/Jobs/JobState.swift, so that a mistake in either place is
-- caught by the other.

-- One row per submitted job.
CREATE TABLE job (
    number           INTEGER PRIMARY KEY,
    id               TEXT    NOT NULL UNIQUE CHECK (length(id) = 30 AND id GLOB 'job_*'),
    kind             TEXT    NOT NULL
                     CHECK (kind IN ('teacher', 'collect', 'train', 'eval', 'dryrun', 'export')),
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

-- How many jobs there are, so that nobody counts a million rows.
CREATE TABLE job_count (
    kind  TEXT    NOT NULL,
    state TEXT    NOT NULL,
    count INTEGER NOT NULL CHECK (count >= 0),
    PRIMARY KEY (kind, state)
) STRICT, WITHOUT ROWID;

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

-- Serves JobStore.jobs by tag.
CREATE TABLE job_tag (
    key   TEXT NOT NULL,
    value TEXT NOT NULL,
    job   TEXT NOT NULL REFERENCES job (id) ON DELETE CASCADE,
    PRIMARY KEY (key, value, job)
) STRICT, WITHOUT ROWID;
CREATE INDEX job_tag_by_key ON job_tag (key, job);
CREATE INDEX job_tag_by_job ON job_tag (job);

-- A job and a job that must have succeeded before it.
CREATE TABLE dependency (
    job   INTEGER NOT NULL REFERENCES job (number) ON DELETE CASCADE,
    needs INTEGER NOT NULL REFERENCES job (number) ON DELETE CASCADE,
    PRIMARY KEY (job, needs),
    CHECK (job <> needs)
) STRICT, WITHOUT ROWID;
-- Serves the release and the cancellation of what comes after a job.
CREATE INDEX dependency_by_needs ON dependency (needs);

-- What a submitter's key stood for the first time.
CREATE TABLE idempotency (
    key         TEXT    PRIMARY KEY,
    fingerprint TEXT    NOT NULL,                          -- of the request's body
    jobs        TEXT    NOT NULL CHECK (json_valid(jobs)), -- array of job ids
    first_job   INTEGER NOT NULL REFERENCES job (number) ON DELETE CASCADE,
    created_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_by_job ON idempotency (first_job);
CREATE INDEX idempotency_by_time ON idempotency (created_at);

-- What watchers see, in order. 1, 2, 3, … within a job, without gaps; job.last_event is the last.
CREATE TABLE event (
    job      INTEGER NOT NULL REFERENCES job (number) ON DELETE CASCADE,
    sequence INTEGER NOT NULL CHECK (sequence >= 1),
    time     INTEGER NOT NULL,
    type     TEXT    NOT NULL CHECK (type IN ('state', 'progress', 'metric', 'log', 'artifact')),
    data     TEXT    NOT NULL CHECK (json_valid(data)),
    PRIMARY KEY (job, sequence)
) STRICT, WITHOUT ROWID;
-- Serves JobStore.logs.
CREATE INDEX event_log ON event (job, sequence) WHERE type = 'log';

-- One curve of a job.
CREATE TABLE metric_series (
    number    INTEGER PRIMARY KEY,
    job       INTEGER NOT NULL REFERENCES job (number) ON DELETE CASCADE,
    name      TEXT    NOT NULL,
    count     INTEGER NOT NULL CHECK (count >= 0),
    last_step INTEGER NOT NULL,
    UNIQUE (job, name)
) STRICT;

-- Its points, numbered 0, 1, 2, …; steps rise.
CREATE TABLE metric_point (
    series   INTEGER NOT NULL REFERENCES metric_series (number) ON DELETE CASCADE,
    position INTEGER NOT NULL CHECK (position >= 0),
    step     INTEGER NOT NULL,
    time     INTEGER NOT NULL,
    value    REAL,                                         -- NULL: not finite
    PRIMARY KEY (series, position)
) STRICT, WITHOUT ROWID;

-- Over every 16 points, 256 points, 4,096 points and so on: what a picture needs.
CREATE TABLE metric_bucket (
    series   INTEGER NOT NULL REFERENCES metric_series (number) ON DELETE CASCADE,
    level    INTEGER NOT NULL CHECK (level >= 1),          -- a bucket holds 16^level positions
    bucket   INTEGER NOT NULL CHECK (bucket >= 0),         -- position / 16^level
    count    INTEGER NOT NULL CHECK (count >= 1),          -- finite values
    sum      REAL    NOT NULL,
    min      REAL    NOT NULL,
    min_step INTEGER NOT NULL,
    min_time INTEGER NOT NULL,
    max      REAL    NOT NULL,
    max_step INTEGER NOT NULL,
    max_time INTEGER NOT NULL,
    PRIMARY KEY (series, level, bucket),
    CHECK (min <= max)
) STRICT, WITHOUT ROWID;

-- Files that a job left.
CREATE TABLE artifact (
    job        INTEGER NOT NULL REFERENCES job (number) ON DELETE CASCADE,
    name       TEXT    NOT NULL CHECK (name <> ''),
    path       TEXT    NOT NULL CHECK (path <> ''),
    bytes      INTEGER NOT NULL CHECK (bytes >= 0),
    sha256     TEXT    NOT NULL CHECK (length(sha256) = 64),
    media_type TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (job, name)
) STRICT, WITHOUT ROWID;

-- Models, trained here or imported.
CREATE TABLE model (
    number          INTEGER PRIMARY KEY,
    id              TEXT    NOT NULL UNIQUE CHECK (length(id) = 30 AND id GLOB 'mdl_*'),
    job             INTEGER REFERENCES job (number) ON DELETE SET NULL,
    name            TEXT    NOT NULL,
    format          TEXT    NOT NULL,
    path            TEXT    NOT NULL CHECK (path <> ''),
    configuration   TEXT    NOT NULL CHECK (json_valid(configuration)),
    parameter_count INTEGER NOT NULL CHECK (parameter_count >= 0),
    bytes           INTEGER NOT NULL CHECK (bytes >= 0),
    fingerprint     TEXT    NOT NULL,
    created_at      INTEGER NOT NULL
) STRICT;
-- Serves JobStore.model(madeBy:).
CREATE INDEX model_by_job ON model (job);

-- Sets of traces.
CREATE TABLE trace (
    number      INTEGER PRIMARY KEY,
    id          TEXT    NOT NULL UNIQUE CHECK (length(id) = 30 AND id GLOB 'trc_*'),
    job         INTEGER REFERENCES job (number) ON DELETE SET NULL,
    name        TEXT    NOT NULL,
    path        TEXT    NOT NULL CHECK (path <> ''),
    metadata    TEXT    NOT NULL CHECK (json_valid(metadata)),
    is_complete INTEGER NOT NULL CHECK (is_complete IN (0, 1)),
    created_at  INTEGER NOT NULL
) STRICT;
-- Serves JobStore.trace(madeBy:).
CREATE INDEX trace_by_job ON trace (job);

CREATE TABLE trace_shard (
    trace          INTEGER NOT NULL REFERENCES trace (number) ON DELETE CASCADE,
    number         INTEGER NOT NULL CHECK (number >= 0),
    path           TEXT    NOT NULL CHECK (path <> ''),
    bytes          INTEGER NOT NULL CHECK (bytes >= 0),
    sha256         TEXT    NOT NULL CHECK (length(sha256) = 64),
    sequence_count INTEGER NOT NULL CHECK (sequence_count >= 0),
    row_count      INTEGER NOT NULL CHECK (row_count >= 0),
    statistics     TEXT    NOT NULL CHECK (json_valid(statistics)),
    PRIMARY KEY (trace, number)
) STRICT, WITHOUT ROWID;

-- Which rows of which shard hold a sequence.
CREATE TABLE trace_sequence (
    trace     INTEGER NOT NULL,
    sequence  INTEGER NOT NULL CHECK (sequence >= 0),
    shard     INTEGER NOT NULL,
    first_row INTEGER NOT NULL CHECK (first_row >= 0),
    row_count INTEGER NOT NULL CHECK (row_count >= 0),
    PRIMARY KEY (trace, sequence),
    FOREIGN KEY (trace, shard) REFERENCES trace_shard (trace, number) ON DELETE CASCADE
) STRICT, WITHOUT ROWID;
-- Serves the replacement of a shard.
CREATE INDEX trace_sequence_by_shard ON trace_sequence (trace, shard);

-- Lives of the daemon, for the operator who reads a crash.
CREATE TABLE boot (
    id              TEXT    PRIMARY KEY,
    process_id      INTEGER NOT NULL,
    library_version TEXT    NOT NULL,                      -- SQLite's
    started_at      INTEGER NOT NULL,
    heartbeat_at    INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
