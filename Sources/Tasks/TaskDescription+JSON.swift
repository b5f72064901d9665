package import Evaluation
internal import Tokenization

extension TaskDescription {
  /// Reads a description.
  ///
  /// - Throws: `.badDescription` with the first fault and its place.
  package init(json: String) throws(TaskError) {
    let tree: JSONTree
    do throws(JSONSyntaxError) {
      tree = try JSONTree(json)
    } catch {
      throw .badDescription(pointer: "", expected: "\(error.expected) at byte \(error.byte)")
    }
    try self.init(tree)
  }

  /// Reads a description that was parsed before.
  package init(_ tree: JSONTree) throws(TaskError) {
    let fields = try DescriptionFields(
      tree, at: "",
      known: [
        "name", "format", "columns", "prompt", "answer", "metrics", "max_tokens", "stop", "schema",
      ])
    name = try fields.text("name")
    guard !name.isEmpty, name.utf8.count <= 64, name.utf8.allSatisfy(Self.isNameByte) else {
      throw .badDescription(
        pointer: "/name", expected: "1 to 64 letters, digits, \"_\" or \"-\"")
    }
    format = try fields.choice("format")
    columns = try Self.columns(fields)
    prompt = try TaskTemplate(fields.text("prompt"))
    answer = try TaskAnswer(fields.member("answer"))
    maxTokens = try fields.integer("max_tokens", 1...65_536) ?? 128
    stop = try fields.texts("stop") ?? []
    if let schema = fields.values["schema"] {
      do throws(EvaluationError) {
        self.schema = try JSONSchema(schema)
      } catch {
        throw .badDescription(pointer: "/schema", expected: "a JSON Schema (\(error))")
      }
    }
    metrics = []
    try setMetrics(fields.texts("metrics"))
  }

  private mutating func setMetrics(_ names: [String]?) throws(TaskError) {
    let kind = answer.kind
    let fitting = TaskMetric.allCases.filter {
      $0.kinds.contains(kind) && ($0 != .schemaValid || schema != nil)
    }
    for (place, name) in (names ?? []).enumerated() {
      guard let metric = fitting.first(where: { $0.rawValue == name }) else {
        let known = fitting.map(\.rawValue).joined(separator: ", ")
        throw .badDescription(
          pointer: "/metrics/\(place)",
          expected: "a metric of answers by \(kind.rawValue)"
            + (schema == nil ? ", and schema_valid only with a schema: " : ": ") + known)
      }
      if !metrics.contains(metric) { metrics.append(metric) }
    }
    if case .labels(_, _, let words, _) = answer, words.count != 2, metrics.contains(.f1) {
      throw .badDescription(
        pointer: "/metrics", expected: "macro_f1, as f1 is defined for two labels")
    }
    if metrics.isEmpty { metrics = [kind == .text ? .exactMatch : .accuracy] }
    // The figure that lm-evaluation-harness prints beside it.
    if kind == .choices, !metrics.contains(.accuracyNorm) { metrics.append(.accuracyNorm) }
  }

  private static func columns(
    _ fields: DescriptionFields
  ) throws(TaskError) -> [String: [String]] {
    guard case .object(let members)? = fields.values["columns"] else {
      guard fields.values["columns"] == nil else {
        throw .badDescription(pointer: "/columns", expected: "an object of names")
      }
      return [:]
    }
    var columns: [String: [String]] = [:]
    for (name, value) in members {
      columns[name] = try DescriptionFields.texts(value, at: "/columns/\(name)")
    }
    return columns
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
      || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
      || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
  }
}

extension TaskAnswer {
  fileprivate init(_ tree: JSONTree) throws(TaskError) {
    let fields = try DescriptionFields(
      tree, at: "/answer", known: ["column", "labels", "positive", "prefix", "choices", "index"])
    if let choices = fields.values["choices"] {
      try fields.refuse("column", "labels", "positive")
      let place: TaskChoices
      if case .text(let column) = choices {
        place = .list(column)
      } else {
        place = .columns(try DescriptionFields.texts(choices, at: "/answer/choices"))
      }
      self = .choices(
        place, index: try fields.text("index"), prefix: try fields.optionalText("prefix") ?? " ")
    } else if let labels = fields.values["labels"] {
      try fields.refuse("index", "prefix")
      self = try .labels(labels, fields)
    } else {
      try fields.refuse("index", "positive")
      self = .text(
        column: try fields.text("column"), prefix: try fields.optionalText("prefix") ?? "")
    }
  }

  private static func labels(
    _ labels: JSONTree, _ fields: DescriptionFields
  ) throws(TaskError) -> TaskAnswer {
    let wrong = TaskError.badDescription(
      pointer: "/answer/labels", expected: "an object of label words, two or more different ones")
    guard case .object(let members) = labels else { throw wrong }
    var words: [String] = []
    var classes: [String: Int] = [:]
    // By name, so that the numbers of the classes do not depend on chance.
    for (label, value) in members.sorted(by: { $0.key < $1.key }) {
      guard case .text(let word) = value, !word.isEmpty else { throw wrong }
      if !words.contains(word) { words.append(word) }
      classes[label] = words.firstIndex(of: word)
    }
    guard words.count >= 2 else { throw wrong }
    let positive = try fields.optionalText("positive")
    if let positive, classes[positive] == nil {
      throw .badDescription(pointer: "/answer/positive", expected: "one of the labels")
    }
    return .labels(
      column: try fields.text("column"), classes: classes, words: words,
      positive: positive.flatMap { classes[$0] } ?? words.count - 1)
  }
}

/// The members of an object in a description.
private struct DescriptionFields {
  let values: [String: JSONTree]
  let pointer: String

  init(_ tree: JSONTree, at pointer: String, known: [String]) throws(TaskError) {
    guard case .object(let values) = tree else {
      throw .badDescription(pointer: pointer, expected: "an object")
    }
    if let unknown = values.keys.filter({ !known.contains($0) }).min() {
      throw .badDescription(
        pointer: "\(pointer)/\(unknown)",
        expected: "one of the fields \(known.joined(separator: ", "))")
    }
    self.values = values
    self.pointer = pointer
  }

  func member(_ name: String) throws(TaskError) -> JSONTree {
    guard let value = values[name] else {
      throw .badDescription(pointer: pointer, expected: "a field \(name)")
    }
    return value
  }

  func text(_ name: String) throws(TaskError) -> String {
    guard case .text(let text) = try member(name) else {
      throw .badDescription(pointer: "\(pointer)/\(name)", expected: "a text")
    }
    return text
  }

  func optionalText(_ name: String) throws(TaskError) -> String? {
    values[name] == nil ? nil : try text(name)
  }

  func texts(_ name: String) throws(TaskError) -> [String]? {
    try values[name].map { value throws(TaskError) in
      try Self.texts(value, at: "\(pointer)/\(name)")
    }
  }

  func integer(_ name: String, _ range: ClosedRange<Int>) throws(TaskError) -> Int? {
    guard let value = values[name] else { return nil }
    guard case .number(let number) = value, let integer = Int(exactly: number),
      range.contains(integer)
    else {
      throw .badDescription(
        pointer: "\(pointer)/\(name)",
        expected: "an integer from \(range.lowerBound) to \(range.upperBound)")
    }
    return integer
  }

  func choice<Value: RawRepresentable<String> & CaseIterable>(
    _ name: String
  ) throws(TaskError) -> Value? {
    guard values[name] != nil else { return nil }
    guard let value = Value(rawValue: try text(name)) else {
      let known = Value.allCases.map(\.rawValue).joined(separator: ", ")
      throw .badDescription(pointer: "\(pointer)/\(name)", expected: "one of \(known)")
    }
    return value
  }

  /// Refuses fields that belong to another kind of answer.
  func refuse(_ names: String...) throws(TaskError) {
    for name in names where values[name] != nil {
      throw .badDescription(
        pointer: "\(pointer)/\(name)", expected: "no such field in this kind of answer")
    }
  }

  static func texts(_ value: JSONTree, at pointer: String) throws(TaskError) -> [String] {
    let wrong = TaskError.badDescription(pointer: pointer, expected: "an array of texts")
    guard case .list(let items) = value, !items.isEmpty else { throw wrong }
    var texts: [String] = []
    for item in items {
      guard case .text(let text) = item, !text.isEmpty else { throw wrong }
      texts.append(text)
    }
    return texts
  }
}
