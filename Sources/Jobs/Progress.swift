/// How far a running job has come.
package struct Progress: Equatable, Sendable {
  /// Share of the work that is done, 0 to 1.
  package var fraction: Double
  /// Steps (or sequences, prompts, tokens) done.
  package var step: Int64
  /// All of them; nil when nobody knows.
  package var stepsTotal: Int64?
  /// Seconds that are left, from the speed so far; nil before it is known.
  package var secondsLeft: Double?
  /// What is being done, for a person.
  package var message: String

  /// - Parameters: as the properties.
  package init(
    fraction: Double = 0, step: Int64 = 0, stepsTotal: Int64? = nil, secondsLeft: Double? = nil,
    message: String = ""
  ) {
    self.fraction = fraction
    self.step = step
    self.stepsTotal = stepsTotal
    self.secondsLeft = secondsLeft
    self.message = message
  }

  /// `{"fraction", "step", "steps_total", "eta_s", "message"}`.
  package var json: JSONValue {
    [
      "fraction": .double(fraction), "step": .int(step),
      "steps_total": stepsTotal.map { .int($0) } ?? .null,
      "eta_s": secondsLeft.map { .double($0) } ?? .null, "message": .string(message),
    ]
  }

  /// Reads what `json` writes; nil when it is something else.
  package init?(json: JSONValue) {
    guard let fraction = json["fraction"]?.doubleValue, let step = json["step"]?.intValue,
      let message = json["message"]?.stringValue
    else { return nil }
    self.init(
      fraction: fraction, step: step, stepsTotal: json["steps_total"]?.intValue,
      secondsLeft: json["eta_s"]?.doubleValue, message: message)
  }
}
