/// How often a model's answers are right, and how often they are at least JSON. Shares are 0 to 1,
/// null when nothing was asked.
package struct TaskScores: Codable, Equatable, Sendable {
  /// Answers that were compared.
  package var examples = 0
  /// Share of answers equal to the expected text, white space around them aside.
  @Measured package var exactMatch: Double?
  @Measured package var exactMatchStandardError: Double?
  /// Share of answers that are one JSON value by RFC 8259.
  @Measured package var jsonValidRate: Double?
  /// Share of answers that match the task's schema; null without one.
  @Measured package var schemaValidRate: Double?

  package init() {}
}

/// Counts a model's answers to a task whose answers are JSON.
package struct TaskScorer {
  private let schema: JSONSchema?
  private var examples = 0
  private var exact = 0
  private var valid = 0
  private var matching = 0

  /// - Parameter schema: what every right answer matches; nil when there is none.
  package init(schema: JSONSchema?) { self.schema = schema }

  /// Counts one answer. `generated` ends where the model ended it.
  ///
  /// - Returns: whether it is the expected one.
  @discardableResult
  package mutating func add(generated: String, expected: String) -> Bool {
    examples += 1
    let isExact = Self.areEqual(generated, expected)
    if isExact { exact += 1 }
    guard let tree = try? JSONTree(generated) else { return isExact }
    valid += 1
    if schema?.matches(tree) == true { matching += 1 }
    return isExact
  }

  /// The shares of everything counted so far.
  package var scores: TaskScores {
    var scores = TaskScores()
    scores.examples = examples
    guard examples > 0 else { return scores }
    let count = Double(examples)
    let share = Double(exact) / count
    scores.exactMatch = share
    scores.exactMatchStandardError = (share * (1 - share) / count).squareRoot()
    scores.jsonValidRate = Double(valid) / count
    if schema != nil { scores.schemaValidRate = Double(matching) / count }
    return scores
  }

  /// Whether two texts are equal, white space around them aside.
  package static func areEqual(_ one: String, _ other: String) -> Bool {
    trimmed(one).elementsEqual(trimmed(other))
  }

  private static func trimmed(_ text: String) -> ArraySlice<UInt8> {
    let isSpace = { (byte: UInt8) in byte == 0x20 || (0x09...0x0D).contains(byte) }
    let bytes = Array(text.utf8)
    guard let first = bytes.firstIndex(where: { !isSpace($0) }),
      let last = bytes.lastIndex(where: { !isSpace($0) })
    else { return [] }
    return bytes[first...last]
  }
}
