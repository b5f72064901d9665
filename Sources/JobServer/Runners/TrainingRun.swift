internal import Distillation
internal import Foundation

/// One training of a job: most have one, a sweep has several.
struct TrainingRun {
  let plan: TrainingPlan
  /// Where its checkpoints lie among the job's; nil: directly there.
  var folder: String?
  /// Its place among the job's runs, from 0.
  var index = 0
  /// How many runs the job has.
  var count = 1

  /// The number of a step among those of all the job's runs.
  func number(of step: Int) -> Int64 { Int64(index * plan.recipe.steps + step) }
}

/// A training that is done.
struct TrainingEnd {
  let run: TrainingRun
  let trainer: Trainer
  let checkpoint: URL
}
