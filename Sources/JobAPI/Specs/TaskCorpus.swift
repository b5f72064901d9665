package import Jobs

/// A task's file: label words, texts or options to learn or to be judged by (docs/tasks.md).
package struct TaskCorpus: Equatable, Sendable {
  package var task: TaskSource
  /// On the daemon's machine; absolute, or relative to its data folder.
  package var path: String
  package var part: CorpusPartName = .train
  /// Examples of the part at most; nil takes all.
  package var limit: Int?
  /// Share at the file's end that training leaves out, 0 to 0.5: its validation and test part.
  package var heldOutFraction: Double = 0
  /// A file of its own for the validation part.
  package var validationPath: String?
  /// What reports call the task; nil: as its description does.
  package var name: String?

  /// A whole file.
  package init(task: TaskSource, path: String, part: CorpusPartName = .train) {
    self.task = task
    self.path = path
    self.part = part
  }

  static func table(part: CorpusPartName) -> FieldTable<TaskCorpus> {
    FieldTable(
      "TaskCorpus", "A task's file, as prompts with the answers that are right.",
      initial: TaskCorpus(task: .named(""), path: "", part: part),
      check: { corpus, pointer in corpus.faults(at: pointer) },
      fields: [
        .required("task", \.task, .task, TaskSource.documentation),
        .required(
          "path", \.path, .path,
          "A .tsv file with a header, or a .jsonl file of objects, on the daemon's machine."),
        .field(
          "part", \.part, .choice,
          "Which part of it. Nothing held out, train and test are each the whole file."),
        .optional("limit", \.limit, .integer(1...100_000_000), "Examples of the part at most."),
        .field(
          "held_out_fraction", \.heldOutFraction, .number(0...0.5),
          "Share at the file's end that training leaves out: the validation and test parts."),
        .optional(
          "validation_path", \.validationPath, .path,
          "A file of its own for the validation part."),
        .optional(
          "name", \.name, .text(1...64),
          "What reports call the task, where two would have the same name."),
      ])
  }
}

extension TaskCorpus {
  private func faults(at pointer: JSONPointer) -> [FieldError] {
    var faults: [FieldError] = []
    if heldOutFraction > 0, validationPath != nil {
      faults.append(
        pointer.member("validation_path").fault(
          "give only one of \"held_out_fraction\", \"validation_path\""))
    }
    // A gate names a task between dots.
    if let name, name.contains(".") {
      faults.append(pointer.member("name").fault("must have no \".\""))
    }
    return faults
  }
}

/// Where a task's description is.
package enum TaskSource: Hashable, Sendable {
  /// One of the daemon's tasks, or the path of a description that ends in `.json`.
  case named(String)
  /// A description, as JSON; who has the tasks reads it.
  case described(JSONValue)

  static let documentation =
    "A task of the daemon (sst2, mnli, qnli, cnn_dailymail, tool_calls, exact_match, "
    + "multiple_choice), the path of a description that ends in .json, or a description."
}

extension Shape where Value == TaskSource {
  /// A name, a path or an object.
  package static var task: Shape {
    Shape(
      "the name of a task, the path of its description, or the description",
      schema: ["anyOf": [["type": "string", "minLength": 1], ["type": "object"]]],
      parse: { json in
        switch json {
        case .string(let name) where !name.isEmpty && name.utf8.count <= 4096: .named(name)
        case .object: .described(json)
        default: nil
        }
      },
      write: { source in
        switch source {
        case .named(let name): .string(name)
        case .described(let json): json
        }
      })
  }
}
