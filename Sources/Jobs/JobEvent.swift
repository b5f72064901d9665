/// Something that happened to a job, as a watcher sees it.
package struct JobEvent: Equatable, Sendable {
  /// 1, 2, 3, … within the job, without gaps.
  package var sequence: Int64
  package var time: Timestamp
  package var type: Kind
  /// By type:
  /// - `state`: `{"state", "attempt"}` and, where they apply, `"cancel_requested"`, `"resumed_from"`,
  ///   `"not_before"`, `"problem"`;
  /// - `progress`: as `Progress.json`;
  /// - `metric`: `{"series": {NAME: {"step": […], "value": […], "time": […]}}}`;
  /// - `log`: `{"level", "message"}`;
  /// - `artifact`: as `Artifact.json`.
  package var data: JSONValue

  /// The event's name on the wire.
  package enum Kind: String, CaseIterable, Codable, Sendable {
    case state, progress, metric, log, artifact
  }

  /// - Parameters: as the properties.
  package init(sequence: Int64, time: Timestamp, type: Kind, data: JSONValue) {
    self.sequence = sequence
    self.time = time
    self.type = type
    self.data = data
  }
}
