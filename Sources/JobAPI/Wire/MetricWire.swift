package import Jobs

/// Series of numbers as they cross the wire.
package enum MetricWire {
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
