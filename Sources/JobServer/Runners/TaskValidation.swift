internal import Checkpoints
internal import Corpora
internal import Distillation
internal import Evaluation
internal import Inference
internal import JobAPI
internal import Jobs
internal import Kernels
internal import Tasks
internal import Tokenization

/// What a training on a task is judged by while nobody looks at the test file: the task's figures on
/// the examples that were held out.
struct TaskValidation {
  private let evaluation: TaskEvaluation
  /// The task's first metric, by which runs are compared.
  let metric: String

  /// Nil when the corpus is no task, or holds nothing out.
  ///
  /// - Parameter window: positions of the model.
  init?(
    _ corpus: CorpusSource?, tokenizer: Tokenizer, window: Int, paths: ReadablePaths
  ) throws {
    guard case .task(let corpus)? = corpus,
      let examples = try? corpus.examples(.validation, paths: paths)
    else { return nil }
    do {
      let task = try corpus.task.description(paths: paths)
      guard let metric = task.metrics.first else { return nil }
      self.metric = metric.rawValue
      evaluation = try TaskEvaluation(task, examples, tokenizer: tokenizer, lengthMax: window)
    } catch let error as TaskError {
      throw Problem(unusable: error)
    }
  }

  /// Asks the model that is being trained; nil when it was stopped.
  func run(_ trainer: Trainer, team: ComputeTeam, isCancelled: () -> Bool) throws -> TaskReport? {
    let model = try InferenceModel(
      configuration: trainer.configuration, parameters: trainer.parameters, storage: .fp32,
      team: team)
    return try evaluation.run(model, team: team, isCancelled: isCancelled)
  }
}
