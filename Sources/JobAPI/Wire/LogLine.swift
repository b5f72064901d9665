package import Jobs

/// One line of a job's log.
package struct LogLine: Equatable, Sendable {
  /// Number of its event; `after` of the next request.
  package var sequence: Int64
  package var time: Timestamp
  package var level: String
  package var message: String

  /// The line that an event of type `log` carries; nil for any other event.
  package init?(_ event: JobEvent) {
    guard event.type == .log, let level = event.data["level"]?.stringValue,
      let message = event.data["message"]?.stringValue
    else { return nil }
    sequence = event.sequence
    time = event.time
    self.level = level
    self.message = message
  }

  /// The line's JSON and schema.
  package static let record = Record<LogLine>(
    "LogLine", "One line of a job's log.",
    [
      Member("seq", Wire.integer, "Number of its event.") { .int($0.sequence) },
      Member("time", Wire.time, "When it was written.") { .string($0.time.rfc3339) },
      Member("level", Wire.oneOf(LogLevel.allCases.map(\.rawValue)), "How much it matters.") {
        .string($0.level)
      },
      Member("message", Wire.text, "What it says.") { .string($0.message) },
    ])

  /// The line for a person: time, level, message.
  package var text: String { "\(time.rfc3339) \(level) \(message)" }
}
