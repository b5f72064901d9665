// Metric series are stored with a pyramid: beside the points, the extremes of every 16, 256, 4,096
// and 65,536 of them. A picture of ten million points reads a few thousand rows, and no spike is
// lost: every point that is left out lies between two that are shown.

internal import GRDB
package import Jobs

/// One curve, ready to be drawn.
package struct MetricSeries: Equatable, Sendable {
  package let name: String
  /// Rising.
  package var steps: [Int64]
  /// nil where the value was not finite.
  package var values: [Double?]
  package var times: [Timestamp]

  /// No points.
  init(name: String) {
    self.name = name
    steps = []
    values = []
    times = []
  }

  mutating func append(step: Int64, value: Double?, time: Timestamp) {
    steps.append(step)
    values.append(value)
    times.append(time)
  }

  /// `{"step": […], "value": […], "time": […]}`.
  package var json: JSONValue {
    [
      "step": .array(steps.map { .int($0) }),
      "value": .array(values.map { $0.map { .double($0) } ?? .null }),
      "time": .array(times.map { .string($0.rfc3339) }),
    ]
  }
}

extension JobStore {
  /// The curves of a job, each with at most `pointsMax` points: the first, the last, and the least
  /// and greatest of each stretch between.
  ///
  /// - Parameters:
  ///   - names: which; nil for all. Unknown names are left out.
  ///   - pointsMax: 4 or more.
  /// - Throws: `.notFound`.
  package func metrics(
    of id: JobID, names: [String]? = nil, pointsMax: Int
  ) throws(StoreError) -> [MetricSeries] {
    precondition(pointsMax >= 4, "a curve needs its two ends and an extreme of each kind")
    return try read { database in
      let number = try Self.number(of: id, database)
      return try Row.fetchAll(database, sql: Query.seriesOfJob, arguments: [number])
        .compactMap { row in
          let name: String = row[1]
          guard names?.contains(name) ?? true else { return nil }
          return try MetricPyramid(series: row[0], count: row[2])
            .read(name: name, pointsMax: pointsMax, database)
        }
    }
  }
}

/// One series in the database.
struct MetricPyramid {
  /// Each level has one bucket for this many of the level below.
  static let factor: Int64 = 16
  static let levels: ClosedRange<Int64> = 1...4

  let series: Int64
  /// Points, finite or not.
  let count: Int64

  /// The extremes of a stretch of points.
  struct Extremes {
    var count: Int64 = 1
    var sum: Double
    var min: (value: Double, step: Int64, time: Int64)
    var max: (value: Double, step: Int64, time: Int64)

    init(value: Double, step: Int64, time: Int64) {
      sum = value
      min = (value, step, time)
      max = (value, step, time)
    }

    init(_ row: Row) {
      sum = 0
      min = (row[1], row[2], row[3])
      max = (row[4], row[5], row[6])
    }

    mutating func merge(_ other: Extremes) {
      count += other.count
      sum += other.sum
      if other.min.value < min.value { min = other.min }
      if other.max.value > max.value { max = other.max }
    }
  }

  func read(name: String, pointsMax: Int, _ database: Database) throws -> MetricSeries {
    var result = MetricSeries(name: name)
    if count <= pointsMax {
      let statement = try database.cachedStatement(sql: Query.points)
      let rows = try Row.fetchCursor(statement, arguments: [series])
      while let row = try rows.next() {
        result.append(step: row[0], value: row[2], time: Timestamp(milliseconds: row[1]))
      }
      return result
    }
    let ends = try Row.fetchAll(
      database, sql: Query.pointsAt, arguments: [series, 0, count - 1])
    let groups = try extremes(groupCount: max(1, (pointsMax - 2) / 2), database)
    let (first, last) = (ends.first.map(point), ends.last.map(point))
    if let first { result.append(first) }
    for group in groups {
      let pair =
        group.min.step <= group.max.step ? [group.min, group.max] : [group.max, group.min]
      for point in pair
      where point.step > result.steps.last ?? .min && point.step < last?.step ?? .max {
        result.append(
          step: point.step, value: point.value, time: Timestamp(milliseconds: point.time))
      }
    }
    if let last { result.append(last) }
    return result
  }

  /// The extremes of `groupCount` stretches of equal length, from the finest level that is small
  /// enough to be read in milliseconds.
  private func extremes(groupCount: Int, _ database: Database) throws -> [Extremes] {
    var level: Int64 = 0
    var width: Int64 = 1
    while level < Self.levels.upperBound, count / width > Int64(groupCount) * 64 {
      level += 1
      width *= Self.factor
    }
    let statement = try database.cachedStatement(
      sql: level == 0 ? Query.pointsAsBuckets : Query.buckets)
    let rows = try Row.fetchCursor(
      statement, arguments: level == 0 ? [series] : [series, level])
    let bucketCount = (count + width - 1) / width
    var groups: [Extremes?] = Array(repeating: nil, count: groupCount)
    while let row = try rows.next() {
      let bucket: Int64 = row[0]
      let group = min(groupCount - 1, Int(bucket * Int64(groupCount) / bucketCount))
      if groups[group] == nil {
        groups[group] = Extremes(row)
      } else {
        groups[group]?.merge(Extremes(row))
      }
    }
    return groups.compactMap { $0 }
  }

  private func point(_ row: Row) -> (step: Int64, value: Double?, time: Timestamp) {
    (row[0], row[2], Timestamp(milliseconds: row[1]))
  }
}

extension MetricSeries {
  fileprivate mutating func append(_ point: (step: Int64, value: Double?, time: Timestamp)) {
    append(step: point.step, value: point.value, time: point.time)
  }
}

extension Transaction {
  /// Adds points to their series, and the event that shows them.
  ///
  /// A step that a series already has is the replay of an interrupted attempt, whose values
  /// watchers have seen: it is left out.
  func add(_ points: [MetricPoint], to row: inout JobRow) throws {
    var names: [String] = []
    var byName: [String: [MetricPoint]] = [:]
    for point in points {
      if byName[point.name] == nil { names.append(point.name) }
      byName[point.name, default: []].append(point)
    }
    var shown = JSONObject()
    for name in names {
      let added = try add(byName[name] ?? [], toSeries: name, ofJob: row.number)
      if !added.steps.isEmpty { shown[name] = added.json }
    }
    if !shown.isEmpty { try appendEvent(&row, .metric, ["series": .object(shown)]) }
  }

  private func add(
    _ points: [MetricPoint], toSeries name: String, ofJob job: Int64
  ) throws -> MetricSeries {
    var (series, count, lastStep) = try series(name, ofJob: job)
    var added = MetricSeries(name: name)
    var buckets: [BucketKey: MetricPyramid.Extremes] = [:]
    for point in points where count == 0 || point.step > lastStep {
      let value = point.value.isFinite ? point.value : nil
      try run(
        Query.insertPoint, [series, count, point.step, point.time.milliseconds, value])
      if let value {
        let own = MetricPyramid.Extremes(
          value: value, step: point.step, time: point.time.milliseconds)
        var bucket = count
        for level in MetricPyramid.levels {
          bucket /= MetricPyramid.factor
          let key = BucketKey(level: level, bucket: bucket)
          if buckets[key]?.merge(own) == nil { buckets[key] = own }
        }
      }
      added.append(step: point.step, value: value, time: point.time)
      count += 1
      lastStep = point.step
    }
    for (key, extremes) in buckets {
      try run(
        Query.mergeBucket,
        [
          series, key.level, key.bucket, extremes.count, extremes.sum,
          extremes.min.value, extremes.min.step, extremes.min.time,
          extremes.max.value, extremes.max.step, extremes.max.time,
        ])
    }
    try run(Query.updateSeries, [count, lastStep, series])
    return added
  }

  private struct BucketKey: Hashable {
    let level: Int64
    let bucket: Int64
  }

  private func series(
    _ name: String, ofJob job: Int64
  ) throws -> (series: Int64, count: Int64, lastStep: Int64) {
    let statement = try database.cachedStatement(sql: Query.seriesByName)
    if let row = try Row.fetchOne(statement, arguments: [job, name]) {
      return (row[0], row[1], row[2])
    }
    try run(Query.insertSeries, [job, name])
    return (database.lastInsertedRowID, 0, 0)
  }
}
