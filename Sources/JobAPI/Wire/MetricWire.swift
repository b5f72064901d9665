package import Jobs

/// Series of numbers as they cross the wire.
package enum MetricWire {
  /// One series.
  ///
  /// - Parameters:
  ///   - values: nil where a value was not finite.
  ///   - times: as long as `steps` and `values`.
  package static func series(steps: [Int64], values: [Double?], times: [Timestamp]) -> JSONValue {
    [
      "step": .array(steps.map { .int($0) }),
      "value": .array(values.map { $0.json { .double($0) } }),
      "time": .array(times.map { .string($0.rfc3339) }),
    ]
  }

  /// All series of an answer.
  package static func answer(_ series: [(name: String, json: JSONValue)]) -> JSONValue {
    ["series": .object(JSONObject(series.map { ($0.name, $0.json) }))]
  }

  static let schema: JSONValue = [
    "type": "object",
    "properties": [
      "series": [
        "type": "object",
        "additionalProperties": [
          "type": "object",
          "properties": [
            "step": Wire.list(of: Wire.integer), "value": Wire.list(of: Wire.number.orNull),
            "time": Wire.list(of: Wire.time),
          ], "required": ["step", "value", "time"],
        ],
      ]
    ], "required": ["series"],
  ]
}
