package import Evaluation

/// What is asked about the lines of a file, and how the answers are judged. docs/tasks.md is its
/// description for users; `TaskDescription+JSON.swift` reads it.
package struct TaskDescription: Sendable {
  /// Letters, digits, `_` and `-`: reports and gates call the task so.
  package var name: String
  /// Nil: told by the file's name.
  package var format: TaskFormat?
  /// Names under which a column may come in a file, by the name in this description; a column that
  /// is not here comes under its own.
  package var columns: [String: [String]]
  package var prompt: TaskTemplate
  package var answer: TaskAnswer
  /// In the order in which they are shown; one or more.
  package var metrics: [TaskMetric]
  /// Tokens of a generated answer at most.
  package var maxTokens: Int
  /// Texts that end a generated answer, and do not belong to it.
  package var stop: [String]
  /// What every right answer matches.
  package var schema: JSONSchema?

  /// The names under which `column` may come in a file.
  func names(of column: String) -> [String] { columns[column] ?? [column] }
}

/// How a task's file is written.
package enum TaskFormat: String, CaseIterable, Sendable {
  /// A header and lines, fields separated by tabs; a quote is a character like any other.
  case tsv
  /// A JSON object a line.
  case jsonl
}

/// What answers a task.
package enum TaskAnswer: Equatable, Sendable {
  /// One of few words. `classes` maps what the column holds to an index of `words`; `positive` is
  /// the word whose F1 counts.
  case labels(column: String, classes: [String: Int], words: [String], positive: Int)
  /// The text of a column; `prefix` stands between prompt and text.
  case text(column: String, prefix: String)
  /// One of the texts that each example brings along; `index` is the column that tells which.
  case choices(TaskChoices, index: String, prefix: String)

  /// The columns that it needs.
  var columns: [String] {
    switch self {
    case .labels(let column, _, _, _): [column]
    case .text(let column, _): [column]
    case .choices(.columns(let columns), let index, _): columns + [index]
    case .choices(.list(let column), let index, _): [column, index]
    }
  }

  var kind: TaskMetric.Kind {
    switch self {
    case .labels: .labels
    case .text: .text
    case .choices: .choices
    }
  }
}

/// Where an example's options stand.
package enum TaskChoices: Equatable, Sendable {
  /// Each in a column of its own.
  case columns([String])
  /// All in one column, which holds a JSON array of texts.
  case list(String)
}
