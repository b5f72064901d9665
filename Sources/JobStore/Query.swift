/// Every SQL statement, named for what it answers; values are always bound.
enum Query {
  // MARK: Connections

  static let connectionPragmas = [
    "PRAGMA cache_size = -16384",  // KiB
    "PRAGMA mmap_size = 0",  // an I/O error in a mapping would end the process
  ]
  static let writerPragmas = [
    "PRAGMA auto_vacuum = INCREMENTAL",  // so that deleted rows give space back
    "PRAGMA journal_size_limit = 67108864",
  ]
  static let synchronousFull = "PRAGMA synchronous = FULL"
  static let applicationID = "PRAGMA application_id"
  static let userVersion = "PRAGMA user_version"
  static let tableCount = "SELECT count(*) FROM sqlite_master"
  static let quickCheck = "PRAGMA quick_check(10)"
  static let integrityCheck = "PRAGMA integrity_check(100)"
  static let foreignKeyCheck = "SELECT \"table\", rowid FROM pragma_foreign_key_check LIMIT 100"
  static let foreignKeysOff = "PRAGMA foreign_keys = OFF"
  static let foreignKeysOn = "PRAGMA foreign_keys = ON"
  static let libraryVersion = "SELECT sqlite_version()"
  static let savepoint = "SAVEPOINT piece"
  static let release = "RELEASE SAVEPOINT piece"
  static let rollbackToSavepoint = "ROLLBACK TO SAVEPOINT piece"

  // MARK: Boots

  static let insertBoot = "INSERT INTO boot VALUES (?, ?, ?, ?, ?)"
  static let heartbeatBoot = "UPDATE boot SET heartbeat_at = ?1 WHERE id = ?2"
  static let heartbeatJobs =
    "UPDATE job SET heartbeat_at = ?1 WHERE state = 'running' AND boot = ?2"

  // MARK: Jobs

  /// In the order that `JobRow` reads.
  static let jobColumns = """
    number, id, kind, name, state, attempt, boot, cancel_requested, priority, tags, spec, \
    comes_after, slot, max_attempts, progress, result, problem, health, created_at, queued_at, \
    started_at, finished_at, not_before, resumed_from, checkpoint, last_event, failures, losses
    """
  static let jobByID = "SELECT \(jobColumns) FROM job WHERE id = ?"
  static let jobNumber = "SELECT number FROM job WHERE id = ?"
  static let insertJob = """
    INSERT INTO job (id, kind, name, state, priority, slot, tags, spec, comes_after, max_attempts,
      problem, created_at, queued_at, finished_at, last_event)
    VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1)
    """
  static let moveJob = """
    UPDATE job SET state = ?, attempt = ?, boot = ?, heartbeat_at = ?, cancel_requested = ?,
      failures = ?, losses = ?, progress = ?, result = ?, problem = ?, health = ?, checkpoint = ?,
      resumed_from = ?, queued_at = ?, started_at = ?, finished_at = ?, not_before = ?,
      last_event = ?
    WHERE number = ? AND state = ? AND attempt = ?
    """
  static let updateJob = """
    UPDATE job SET progress = ?, health = ?, checkpoint = ?, losses = ?, last_event = ?
    WHERE number = ?
    """
  static let deleteJob = "DELETE FROM job WHERE number = ?"
  static let jobCounts = "SELECT kind, state, count FROM job_count WHERE count > 0"
  /// What the rows of a page of jobs are found by.
  enum PagePath {
    /// The tag's index: reads all jobs with the tag until the page is full.
    case tag
    /// The index over kind, state, or neither: reads all jobs with those until the page is full.
    case job
  }

  /// A page of jobs: ?1 is where it starts, ?2 its size, ?3 the kind, ?4 the state, ?5 and ?6 the
  /// tag's key and value. Each combination has an index that yields the rows in order.
  static func jobs(
    _ filter: JobStore.JobFilter, _ order: JobStore.Order, by path: PagePath,
    columns: String = jobColumns
  ) -> String {
    let (comparison, direction) = order == .newestFirst ? ("<", "DESC") : (">", "ASC")
    let id = path == .tag ? "job_tag.job" : "job.id"
    // CROSS JOIN keeps SQLite from turning the join round and sorting.
    let source = path == .tag ? "job_tag CROSS JOIN job ON job.id = job_tag.job" : "job"
    var conditions = ["\(id) \(comparison) ?1"]
    if filter.kind != nil { conditions.append("job.kind = ?3") }
    if filter.state != nil { conditions.append("job.state = ?4") }
    if let tag = filter.tag {
      var match = "job_tag.key = ?5"
      if tag.value != nil { match += " AND job_tag.value = ?6" }
      conditions.append(
        path == .tag
          ? match : "EXISTS (SELECT 1 FROM job_tag WHERE job_tag.job = job.id AND \(match))")
    }
    return """
      SELECT \(columns) FROM \(source) WHERE \(conditions.joined(separator: " AND "))
      ORDER BY \(id) \(direction) LIMIT ?2
      """
  }
  /// How many jobs have a tag, counted up to ?3.
  static func tagCount(_ tag: JobStore.JobFilter.Tag) -> String {
    """
    SELECT count(*) FROM (
      SELECT 1 FROM job_tag WHERE key = ?1 \(tag.value == nil ? "" : "AND value = ?2") LIMIT ?3)
    """
  }
  static let insertTag = "INSERT INTO job_tag VALUES (?, ?, ?)"

  // MARK: Dependencies

  static let insertDependency = "INSERT INTO dependency VALUES (?, ?)"
  static let waitingFollowers = """
    SELECT \(jobColumns) FROM job
    WHERE number IN (SELECT job FROM dependency WHERE needs = ?) AND state = 'waiting'
    """
  /// Waiting jobs that come after ?1, all of whose needs have succeeded.
  static let releasedFollowers = """
    SELECT \(jobColumns) FROM job AS follower
    WHERE number IN (SELECT job FROM dependency WHERE needs = ?1) AND state = 'waiting'
      AND NOT EXISTS (
        SELECT 1 FROM dependency JOIN job AS need ON need.number = dependency.needs
        WHERE dependency.job = follower.number AND need.state <> 'succeeded')
    """
  /// Jobs that were cancelled because of ?1 (number) and ?2 (identifier), not by a person.
  static let cancelledFollowers = """
    SELECT \(jobColumns) FROM job
    WHERE number IN (SELECT job FROM dependency WHERE needs = ?1) AND state = 'cancelled'
      AND json_extract(problem, '$.type') = ?3 AND json_extract(problem, '$.instance') = ?2
    """
  static let needs = """
    SELECT \(jobColumns) FROM job WHERE number IN (SELECT needs FROM dependency WHERE job = ?)
    """

  // MARK: Idempotency

  static let idempotencyByKey = "SELECT fingerprint, jobs FROM idempotency WHERE key = ?"
  static let insertIdempotency = "INSERT INTO idempotency VALUES (?, ?, ?, ?, ?)"
  static let deleteOldIdempotency = "DELETE FROM idempotency WHERE created_at < ?"

  // MARK: Events

  static let insertEvent = "INSERT INTO event VALUES (?, ?, ?, ?, ?)"
  static let events = """
    SELECT sequence, time, type, data FROM event WHERE job = ?1 AND sequence > ?2
    ORDER BY sequence LIMIT ?3
    """
  /// Left to itself, SQLite reads all events to find the few that are log lines.
  static let logs = """
    SELECT sequence, time, type, data FROM event INDEXED BY event_log
    WHERE job = ?1 AND sequence > ?2 AND type = 'log' ORDER BY sequence LIMIT ?3
    """

  // MARK: Work

  static let claimNext = """
    SELECT \(jobColumns) FROM job
    WHERE state = 'queued' AND slot = ?1 AND (not_before IS NULL OR not_before <= ?2)
    ORDER BY priority DESC, id LIMIT 1
    """
  static let nextDue = """
    SELECT min(not_before) FROM job WHERE state = 'queued' AND slot = ?1
    """
  static let runningElsewhere = """
    SELECT \(jobColumns) FROM job WHERE state = 'running' AND boot <> ? ORDER BY id
    """
  /// Of jobs that waited out a back-off the time in the queue counts, so that the first row is
  /// enough. Left to itself, SQLite sorts the whole queue.
  static let oldestClaimable = """
    SELECT max(queued_at, coalesce(not_before, 0)) FROM job INDEXED BY job_by_queue_time
    WHERE state = 'queued' AND (not_before IS NULL OR not_before <= ?)
    ORDER BY queued_at LIMIT 1
    """
  static let putArtifact = """
    INSERT INTO artifact VALUES (?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (job, name) DO UPDATE SET path = excluded.path, bytes = excluded.bytes,
      sha256 = excluded.sha256, media_type = excluded.media_type, created_at = excluded.created_at
    """
  static let artifactColumns = """
    artifact.name, artifact.path, artifact.bytes, sha256, media_type, artifact.created_at
    """
  static let artifactsOfJob = """
    SELECT \(artifactColumns) FROM artifact WHERE job = ? ORDER BY name
    """
  static let artifactsAfter = """
    SELECT \(artifactColumns), job.id FROM artifact JOIN job ON job.number = artifact.job
    WHERE (artifact.job, artifact.name) > (coalesce((SELECT number FROM job WHERE id = ?1), 0), ?2)
    ORDER BY artifact.job, artifact.name LIMIT ?3
    """

  // MARK: Metrics

  static let seriesByName =
    "SELECT number, count, last_step FROM metric_series WHERE job = ? AND name = ?"
  static let seriesOfJob =
    "SELECT number, name, count FROM metric_series WHERE job = ? ORDER BY name"
  static let insertSeries =
    "INSERT INTO metric_series (job, name, count, last_step) VALUES (?, ?, 0, 0)"
  static let updateSeries = "UPDATE metric_series SET count = ?, last_step = ? WHERE number = ?"
  static let insertPoint = "INSERT INTO metric_point VALUES (?, ?, ?, ?, ?)"
  static let mergeBucket = """
    INSERT INTO metric_bucket VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (series, level, bucket) DO UPDATE SET
      count = count + excluded.count, sum = sum + excluded.sum,
      min_step = iif(excluded.min < min, excluded.min_step, min_step),
      min_time = iif(excluded.min < min, excluded.min_time, min_time),
      min = min(min, excluded.min),
      max_step = iif(excluded.max > max, excluded.max_step, max_step),
      max_time = iif(excluded.max > max, excluded.max_time, max_time),
      max = max(max, excluded.max)
    """
  static let points =
    "SELECT step, time, value FROM metric_point WHERE series = ? ORDER BY position"
  static let pointsAt = """
    SELECT step, time, value FROM metric_point WHERE series = ? AND position IN (?, ?)
    ORDER BY position
    """
  static let pointsAsBuckets = """
    SELECT position, value, step, time, value, step, time FROM metric_point
    WHERE series = ? AND value IS NOT NULL ORDER BY position
    """
  static let buckets = """
    SELECT bucket, min, min_step, min_time, max, max_step, max_time FROM metric_bucket
    WHERE series = ? AND level = ? ORDER BY bucket
    """

  // MARK: Models

  static let modelColumns = """
    model.id, job.id, model.name, model.format, model.path, model.configuration, \
    model.parameter_count, model.bytes, model.fingerprint, model.created_at
    """
  static let putModel = """
    INSERT INTO model (id, job, name, format, path, configuration, parameter_count, bytes,
      fingerprint, created_at)
    VALUES (?, (SELECT number FROM job WHERE id = ?), ?, ?, ?, ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET name = excluded.name, format = excluded.format,
      path = excluded.path, configuration = excluded.configuration,
      parameter_count = excluded.parameter_count, bytes = excluded.bytes,
      fingerprint = excluded.fingerprint
    """
  private static let modelSource = "FROM model LEFT JOIN job ON job.number = model.job"
  static let modelByID = "SELECT \(modelColumns) \(modelSource) WHERE model.id = ?"
  static let modelByJob = """
    SELECT \(modelColumns) \(modelSource) WHERE model.job = (SELECT number FROM job WHERE id = ?)
    ORDER BY model.number DESC LIMIT 1
    """
  static let modelByName = """
    SELECT \(modelColumns) \(modelSource) WHERE model.name = ? ORDER BY model.id DESC LIMIT 1
    """
  static let models = """
    SELECT \(modelColumns) \(modelSource) WHERE model.id < ? ORDER BY model.id DESC LIMIT ?
    """
  static let deleteModel = "DELETE FROM model WHERE id = ?"
  static let modelPathsOfJob = "SELECT path FROM model WHERE job = ?"
  static let deleteModelsOfJob = "DELETE FROM model WHERE job = ?"

  // MARK: Traces

  static let traceColumns = """
    trace.id, job.id, trace.name, trace.path, trace.metadata, trace.is_complete, trace.created_at, \
    (SELECT count(*) FROM trace_shard AS shard WHERE shard.trace = trace.number), \
    (SELECT total(sequence_count) FROM trace_shard AS shard WHERE shard.trace = trace.number), \
    (SELECT total(row_count) FROM trace_shard AS shard WHERE shard.trace = trace.number), \
    (SELECT total(bytes) FROM trace_shard AS shard WHERE shard.trace = trace.number)
    """
  private static let traceSource = "FROM trace LEFT JOIN job ON job.number = trace.job"
  static let putTrace = """
    INSERT INTO trace (id, job, name, path, metadata, is_complete, created_at)
    VALUES (?, (SELECT number FROM job WHERE id = ?), ?, ?, ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET name = excluded.name, path = excluded.path,
      metadata = excluded.metadata, is_complete = excluded.is_complete
    """
  static let traceByID = "SELECT \(traceColumns) \(traceSource) WHERE trace.id = ?"
  static let traceByJob = """
    SELECT \(traceColumns) \(traceSource) WHERE trace.job = (SELECT number FROM job WHERE id = ?)
    ORDER BY trace.number DESC LIMIT 1
    """
  static let traces = """
    SELECT \(traceColumns) \(traceSource) WHERE trace.id < ? ORDER BY trace.id DESC LIMIT ?
    """
  static let traceNumber = "SELECT number FROM trace WHERE id = ?"
  static let deleteTrace = "DELETE FROM trace WHERE id = ?"
  static let tracePathsOfJob = "SELECT path FROM trace WHERE job = ?"
  static let deleteTracesOfJob = "DELETE FROM trace WHERE job = ?"
  static let deleteShard = "DELETE FROM trace_shard WHERE trace = ? AND number = ?"
  static let insertShard = "INSERT INTO trace_shard VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
  static let insertSequence = "INSERT INTO trace_sequence VALUES (?, ?, ?, ?, ?)"
  static let shards = """
    SELECT number, path, bytes, sha256, statistics FROM trace_shard WHERE trace = ? ORDER BY number
    """
  static let sequencesOfShard = """
    SELECT sequence, first_row, row_count FROM trace_sequence
    WHERE trace = ? AND shard = ? ORDER BY sequence
    """
  static let traceLocation = """
    SELECT shard.number, shard.path, place.first_row, place.row_count
    FROM trace_sequence AS place
      JOIN trace_shard AS shard ON shard.trace = place.trace AND shard.number = place.shard
    WHERE place.trace = (SELECT number FROM trace WHERE id = ?1) AND place.sequence = ?2
    """

  // MARK: Upkeep

  static let backup = "VACUUM INTO ?"
  static let endedBefore = """
    SELECT id FROM job WHERE finished_at < ?1 ORDER BY finished_at LIMIT ?2
    """
  static let endedBeyond = """
    SELECT id FROM job WHERE finished_at IS NOT NULL ORDER BY finished_at DESC LIMIT ?2 OFFSET ?1
    """
  static let freePageCount = "PRAGMA freelist_count"
  static let pageSize = "PRAGMA page_size"

  /// A pragma takes no bound values.
  static func releaseSpace(pageCount: Int) -> String { "PRAGMA incremental_vacuum(\(pageCount))" }
}
