internal import Corpora
internal import Foundation
internal import JobAPI
internal import Jobs
internal import Tasks
internal import Tokenization

extension TaskSource {
  /// The description that is meant.
  ///
  /// - Throws: `Problem` that says what is wrong with it.
  func description(paths: ReadablePaths) throws -> TaskDescription {
    do {
      switch self {
      case .described(let json): return try TaskDescription(json: json.text)
      case .named(let name) where name.lowercased().hasSuffix(".json"):
        let data = try Data(contentsOf: paths.resolve(name))
        return try TaskDescription(json: String(decoding: data, as: UTF8.self))
      case .named(let name): return try TaskDescription.named(name)
      }
    } catch let error as TaskError {
      throw Problem(unusable: error)
    }
  }
}

extension TaskCorpus {
  /// Reads one part of the file. Nothing held out, its train and test parts are both the whole file,
  /// and there is no validation part but that of `validationPath`.
  ///
  /// - Throws: `Problem` that names the file, the line and the expectation.
  func examples(_ part: CorpusPart, paths: ReadablePaths) throws -> [TaskExample] {
    let task = try task.description(paths: paths)
    var path = path
    if part == .validation, let validationPath { path = validationPath }
    do {
      let url = try paths.resolve(path)
      guard heldOutFraction > 0 else {
        if part == .validation, validationPath == nil { throw CorpusError.emptyPart(part) }
        return try TaskFile.read(url, as: task, limit: limit)
      }
      let all = try TaskFile.read(url, as: task)
      let kept = Int((Double(all.count) * (1 - heldOutFraction)).rounded())
      let examples = part == .train ? all.prefix(kept) : all.dropFirst(kept)
      guard !examples.isEmpty else { throw CorpusError.emptyPart(part) }
      return Array(examples.prefix(limit ?? .max))
    } catch let error as TaskError {
      throw Problem(unusable: error, in: path)
    } catch let error as CorpusError {
      throw Problem(
        type: "urn:bitnet:problem:unusable-corpus", title: "The corpus cannot be used",
        detail: "\(path): \(error)")
    }
  }
}

extension CorpusSource {
  /// Whether a task's answers can be told apart with this tokenizer; other corpora need nothing.
  ///
  /// - Throws: `Problem` that names the labels.
  func check(_ tokenizer: Tokenizer, paths: ReadablePaths) throws {
    guard case .task(let corpus) = self else { return }
    do {
      try corpus.task.description(paths: paths).check(tokenizer)
    } catch let error as TaskError {
      throw Problem(unusable: error)
    }
  }
}

extension Problem {
  /// - Parameter path: the task's file, where that is at fault.
  init(unusable error: TaskError, in path: String? = nil) {
    self.init(
      type: "urn:bitnet:problem:unusable-task", title: "The task cannot be used",
      detail: (path.map { "\($0): " } ?? "") + "\(error)")
  }
}
