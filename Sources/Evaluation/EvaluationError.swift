/// Why something could not be evaluated.
package enum EvaluationError: Error, Equatable, Sendable, CustomStringConvertible {
  /// A JSON Schema asks for what is not checked, or is none; `pointer` is a JSON Pointer into it.
  case schema(pointer: String, expected: String)
  /// A gate compares a figure that no report has.
  case unknownMetric(String)

  package var description: String {
    switch self {
    case .schema(let pointer, let expected): "JSON Schema at \"\(pointer)\": expected \(expected)"
    case .unknownMetric(let metric): "gate on \(metric): no report has such a figure"
    }
  }
}
