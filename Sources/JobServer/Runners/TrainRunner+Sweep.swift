internal import Distillation
internal import Evaluation
internal import Foundation
internal import JobAPI
internal import Jobs
internal import Kernels
internal import WorkerPool

/// What came of one layer of a sweep.
struct SweptLayer: Codable {
  var layer: Int
  /// γ, as given or as it was balanced.
  var relationWeight: Double
  @Measured var finalLoss: Double?
  @Measured var validationCrossEntropy: Double?
  /// The task's first metric on the examples that were held out; null without such.
  @Measured var validationTask: Double?
  var checkpoint: String

  enum CodingKeys: String, CodingKey {
    case layer, checkpoint
    case relationWeight = "relation_weight"
    case finalLoss = "final_loss"
    case validationCrossEntropy = "validation_cross_entropy"
    case validationTask = "validation_task"
  }
}

/// `sweep_report.json`: one training for each layer whose relations were compared.
struct SweepReport: Codable {
  var layers: [SweptLayer] = []
  /// The name of `validationTask`; null without a task.
  @Measured var metric: String?
  /// The layer whose model is the job's.
  @Measured var best: Int?

  /// The best layer: by the task where it was measured, else by the held-out cross-entropy, else by
  /// the last loss; the first of equals.
  mutating func choose() {
    func isBetter(_ one: SweptLayer, _ other: SweptLayer) -> Bool {
      if let ours = one.validationTask, let theirs = other.validationTask, ours != theirs {
        return ours > theirs
      }
      if let ours = one.validationCrossEntropy, let theirs = other.validationCrossEntropy {
        return ours < theirs
      }
      guard let ours = one.finalLoss, let theirs = other.finalLoss else { return false }
      return ours < theirs
    }
    best =
      layers.reduce(nil as SweptLayer?) { best, layer in
        best.map { isBetter(layer, $0) ? layer : $0 } ?? layer
      }?.layer
  }
}

extension TrainRunner {
  static let sweepFile = "sweep_report.json"

  /// Trains once for each layer, each from the same start, and keeps the best as the job's model.
  ///
  /// - Returns: nil when the job was asked to stop; the layers that are done are not done again.
  func sweep(_ layers: [Int], _ plan: TrainingPlan, _ spec: TrainSpec) throws -> JSONValue? {
    let validation = try plan.taskValidation(spec, paths: environment.paths)
    var report = SweepReport()
    report.metric = validation?.metric
    var ends: [Int: TrainingEnd] = [:]
    for (index, layer) in layers.enumerated() {
      let run = TrainingRun(
        plan: plan.comparing(layer: layer), folder: "layer_\(layer)", index: index,
        count: layers.count)
      guard let end = try train(run, spec) else { return nil }
      let isCancelled = { running.stopRequested != nil }
      var task: TaskReport?
      if let validation {
        task = try validation.run(end.trainer, team: environment.team, isCancelled: isCancelled)
        if task == nil { return nil }
      }
      ends[layer] = end
      report.layers.append(
        SweptLayer(
          layer: layer, relationWeight: end.trainer.state.relationWeight,
          finalLoss: end.trainer.state.smoothedLoss,
          validationCrossEntropy: end.trainer.lastValidation?.terms.ce,
          validationTask: validation.flatMap { task?.value(of: $0.metric) },
          checkpoint: environment.folder.relativePath(end.checkpoint)))
      running.log(
        .info,
        "layer \(layer): held-out cross-entropy "
          + (end.trainer.lastValidation.map { String(format: "%.4f", $0.terms.ce) } ?? "unknown"))
    }
    report.choose()
    try environment.writeFile(ReportJSON.encode(report), Self.sweepFile, of: running)
    guard let best = report.best, let end = ends[best] else { return nil }
    var result = try finish(end).objectValue ?? [:]
    result["sweep"] = try JSONValue(encoding: report)
    return .object(result)
  }
}
