internal import Corpora
internal import Evaluation
internal import Foundation
internal import Inference
internal import JobAPI
internal import Jobs
internal import Kernels
internal import Tasks
internal import Tokenization
internal import Transformer

/// The tasks of an evaluation: their files are read and checked before any model is, and then each
/// model is asked all of them.
struct TaskStage {
  private let tasks: [(description: TaskDescription, examples: [TaskExample])]

  /// Reads the tasks with files, the corpus among them when it is one.
  ///
  /// - Throws: `Problem` for what cannot be read, and for two tasks of one name.
  init(_ spec: EvalSpec, paths: ReadablePaths) throws {
    var corpora = spec.taskFiles
    if case .task(var corpus) = spec.corpus {
      corpus.limit = min(corpus.limit ?? .max, spec.maxExamples)
      corpora.insert(corpus, at: 0)
    }
    try self.init(corpora, paths: paths)
  }

  /// Reads the task that a teacher's baseline is about, if it is one.
  init(_ spec: TeacherSpec, paths: ReadablePaths) throws {
    if case .corpus(.task(let corpus)) = spec.input {
      try self.init([corpus], paths: paths)
    } else {
      try self.init([], paths: paths)
    }
  }

  private init(_ corpora: [TaskCorpus], paths: ReadablePaths) throws {
    tasks = try corpora.map { corpus in
      var description = try corpus.task.description(paths: paths)
      if let name = corpus.name { description.name = name }
      let part = CorpusPart(rawValue: corpus.part.rawValue) ?? .test
      return (description, try corpus.examples(part, paths: paths))
    }
    let names = tasks.map(\.description.name)
    if let twice = Set(names).filter({ name in names.count { $0 == name } > 1 }).min() {
      throw Problem(
        type: "urn:bitnet:problem:invalid-spec", title: "The spec cannot run",
        detail: "two tasks are called \(twice): give one of them another \"name\"")
    }
  }

  /// Refuses a locked baseline that answered other examples of a task of the same name.
  func require(_ baseline: [TaskReport]) throws {
    for (description, examples) in tasks {
      guard let locked = baseline.first(where: { $0.name == description.name }),
        locked.examplesSha256 != TaskExample.sha256(of: examples)
      else { continue }
      throw Problem(
        type: "urn:bitnet:problem:mismatch", title: "The baseline is of other examples",
        detail: "\(description.name): the teacher's baseline has \(locked.examples) examples with "
          + "SHA-256 \(locked.examplesSha256), the evaluation \(examples.count) others")
    }
  }

  /// The figures of each task, by its name.
  var figures: [String: [String]] {
    Dictionary(
      uniqueKeysWithValues: tasks.map {
        ($0.description.name, $0.description.metrics.map(\.rawValue))
      })
  }

  /// The tasks as they are asked of these models.
  ///
  /// - Throws: `Problem` for labels that the tokenizer cannot tell apart, and prompts that do not fit.
  func evaluations(for contestants: [Contestant]) throws -> [TaskEvaluation] {
    guard let tokenizer = contestants.first?.tokenizer else { return [] }
    let window = contestants.map(\.model.configuration.maxPositionEmbeddings).min() ?? 1
    return try evaluations(tokenizer: tokenizer, window: window)
  }

  /// The tasks as they are asked of models with a tokenizer and at most `window` positions.
  func evaluations(tokenizer: Tokenizer, window: Int) throws -> [TaskEvaluation] {
    do {
      return try tasks.map {
        try TaskEvaluation(
          $0.description, $0.examples, tokenizer: tokenizer, lengthMax: window)
      }
    } catch let error as TaskError {
      throw Problem(unusable: error)
    }
  }

  /// Asks every model every task.
  ///
  /// - Returns: false when it was asked to stop.
  func ask(
    _ evaluations: [TaskEvaluation], _ contestants: [Contestant], team: ComputeTeam,
    into report: inout EvaluationReport, isCancelled: () -> Bool,
    tell: (Double, String) -> Void
  ) throws -> Bool {
    let total = Double(evaluations.count * contestants.count)
    var done = 0.0
    for (task, evaluation) in zip(tasks, evaluations) {
      for contestant in contestants {
        contestant.prepare()
        let answer = try evaluation.run(
          contestant.model, team: team, isCancelled: isCancelled,
          progress: { share in
            tell(
              0.5 + 0.45 * (done + share) / total,
              "\(contestant.name) answers \(task.description.name)")
          })
        guard let answer else { return false }
        let earlier = report.models[contestant.name]?.tasks ?? []
        report.models[contestant.name]?.tasks = earlier + [answer]
        done += 1
      }
    }
    return true
  }
}

extension JobEnvironment {
  /// What a teacher job reached in its tasks.
  ///
  /// - Throws: `Problem` when the job left no baseline (yet).
  func lockedBaseline(of job: JobID) throws -> [TaskReport] {
    struct Baseline: Decodable { let tasks: [TaskReport] }
    let file = try folder.folder(of: job).appendingPathComponent("teacher_baseline.json")
    guard let data = try? Data(contentsOf: file),
      let baseline = try? ReportJSON.decode(Baseline.self, from: data)
    else {
      throw Problem(
        type: "urn:bitnet:problem:not-found", title: "There is no such baseline",
        detail: "\(job.text) left no teacher_baseline.json with the figures of a task")
    }
    return baseline.tasks
  }
}
