/// One value of one series at one step.
package struct MetricPoint: Equatable, Sendable {
  /// `loss`, `tokens_per_s` and so on.
  package var name: String
  /// Rises within a series; a step that a series already has is the replay of an interrupted
  /// attempt and is left out.
  package var step: Int64
  /// Not finite values are kept as missing.
  package var value: Double
  package var time: Timestamp

  /// - Parameters: as the properties.
  package init(name: String, step: Int64, value: Double, time: Timestamp) {
    self.name = name
    self.step = step
    self.value = value
    self.time = time
  }
}

/// How much a log line matters.
package enum LogLevel: String, CaseIterable, Codable, Sendable {
  case debug, info, warning, error
}
