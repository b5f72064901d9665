internal import Evaluation
package import Foundation
internal import Tokenization

/// Reads a task's examples from its file.
package enum TaskFile {
  /// Reads the examples in their order.
  ///
  /// - Parameters:
  ///   - limit: examples at most; the rest of the file is then not read.
  ///   - fileBytesMax: larger files are refused.
  /// - Throws: what is wrong, with the line.
  package static func read(
    _ url: URL, as task: TaskDescription, limit: Int? = nil, fileBytesMax: Int = 1 << 30
  ) throws(TaskError) -> [TaskExample] {
    guard let format = task.format ?? TaskFormat(rawValue: url.pathExtension.lowercased()) else {
      throw .unknownFormat(path: url.path)
    }
    var lines = try LineReader(url, fileBytesMax: fileBytesMax)
    var examples: [TaskExample] = []
    let wanted = limit ?? .max
    switch format {
    case .jsonl:
      while examples.count < wanted, let line = try lines.next() {
        if line.allSatisfy(\.isWhitespace) { continue }
        let row = try TaskRow(json: line, of: task, line: lines.number)
        examples.append(try row.example(of: task))
      }
    case .tsv:
      guard let first = try lines.next() else { throw .empty(path: url.path) }
      let header = try TableHeader(first, of: task)
      while examples.count < wanted, let line = try lines.next() {
        if line.isEmpty { continue }
        let row = try header.row(line, number: lines.number)
        examples.append(try row.example(of: task))
      }
    }
    guard !examples.isEmpty else { throw .empty(path: url.path) }
    return examples
  }
}

/// Where the columns of a table stand.
private struct TableHeader {
  let fieldCount: Int
  /// By the description's name.
  let places: [String: Int]

  init(_ line: String, of task: TaskDescription) throws(TaskError) {
    let found = Self.fields(line)
    fieldCount = found.count
    var places: [String: Int] = [:]
    for column in Set(task.prompt.columns + task.answer.columns).sorted() {
      let names = task.names(of: column)
      let fitting = found.indices.filter { names.contains(found[$0]) }
      guard let place = fitting.first else { throw .missingColumn(names: names, found: found) }
      guard fitting.count == 1 else {
        throw .badLine(number: 1, expected: "one column \(names.joined(separator: " or "))")
      }
      places[column] = place
    }
    self.places = places
  }

  func row(_ line: String, number: Int) throws(TaskError) -> TaskRow {
    let fields = Self.fields(line)
    guard fields.count == fieldCount else {
      throw .badLine(
        number: number, expected: "\(fieldCount) fields, as the header has, not \(fields.count)")
    }
    return TaskRow(line: number, values: places.mapValues { .text(fields[$0]) })
  }

  private static func fields(_ line: String) -> [String] {
    line.utf8.split(separator: 0x09, omittingEmptySubsequences: false)
      .map { String(Substring($0)) }
  }
}

/// The columns of one line that a task needs, by the description's names.
private struct TaskRow {
  let line: Int
  let values: [String: JSONTree]

  init(line: Int, values: [String: JSONTree]) {
    self.line = line
    self.values = values
  }

  init(json: String, of task: TaskDescription, line: Int) throws(TaskError) {
    let tree: JSONTree
    do throws(JSONSyntaxError) {
      tree = try JSONTree(json)
    } catch {
      throw .badLine(number: line, expected: "\(error.expected) at byte \(error.byte)")
    }
    guard case .object(let members) = tree else {
      throw .badLine(number: line, expected: "a JSON object")
    }
    var values: [String: JSONTree] = [:]
    for column in task.prompt.columns + task.answer.columns {
      let names = task.names(of: column)
      guard let name = names.first(where: { members[$0] != nil }) else {
        throw .badLine(number: line, expected: "a field \(names.joined(separator: " or "))")
      }
      values[column] = members[name]
    }
    self.init(line: line, values: values)
  }

  func example(of task: TaskDescription) throws(TaskError) -> TaskExample {
    var texts: [String: String] = [:]
    for column in task.prompt.columns { texts[column] = try text(column) }
    let (prompt, longest) = task.prompt.filled(texts)
    return TaskExample(
      line: line, prompt: prompt, cuttable: longest, answer: try answer(of: task.answer))
  }

  private func answer(of answer: TaskAnswer) throws(TaskError) -> TaskExample.Answer {
    switch answer {
    case .labels(let column, let classes, let words, _):
      let label = try text(column)
      guard let index = classes[label] else {
        let known = classes.keys.sorted().joined(separator: ", ")
        throw .badLine(
          number: line, expected: "a label of \(known) as \(column), not \"\(label.prefix(64))\"")
      }
      return .option(index, of: words, bytes: words.map(\.utf8.count))
    case .text(let column, let prefix):
      return .text(try text(column), prefix: prefix)
    case .choices(let place, let column, let prefix):
      let options = try options(place)
      let right = try text(column)
      guard let index = Self.index(right), options.indices.contains(index) else {
        throw .badLine(
          number: line,
          expected: "the number of an option as \(column), 0 to \(options.count - 1), or its "
            + "letter, not \"\(right.prefix(64))\"")
      }
      return .option(
        index, of: options.map { prefix + $0 }, bytes: options.map(\.utf8.count))
    }
  }

  private func options(_ place: TaskChoices) throws(TaskError) -> [String] {
    var options: [String] = []
    switch place {
    case .columns(let columns):
      for column in columns { options.append(try text(column)) }
    case .list(let column):
      guard case .list(let items)? = values[column] else {
        throw .badLine(number: line, expected: "an array of options as \(column)")
      }
      for item in items { options.append(try text(item, column)) }
    }
    guard options.count >= 2, options.allSatisfy({ !$0.isEmpty }) else {
      throw .badLine(number: line, expected: "two options or more, none of them empty")
    }
    return options
  }

  /// The text of a column, without white space around it: tables end fields with blanks, on which
  /// no prompt should depend.
  private func text(_ column: String) throws(TaskError) -> String {
    try text(values[column] ?? .null, column)
  }

  private func text(_ value: JSONTree, _ column: String) throws(TaskError) -> String {
    switch value {
    case .text(let text): return text.trimmingCharacters(in: .whitespacesAndNewlines)
    case .bool(let flag): return flag ? "true" : "false"
    case .number(let number): return Int64(exactly: number).map { "\($0)" } ?? "\(number)"
    case .null, .list, .object:
      throw .badLine(number: line, expected: "a text, a number or a boolean as \(column)")
    }
  }

  /// `2` or `C`.
  private static func index(_ text: String) -> Int? {
    if let number = Int(text) { return number }
    guard text.utf8.count == 1, let letter = text.utf8.first,
      (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(letter)
    else { return nil }
    return Int(letter - UInt8(ascii: "A"))
  }
}
