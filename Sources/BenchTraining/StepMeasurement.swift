import Distillation
import Kernels

/// What our step takes.
struct StepMeasurement {
  /// Median of the timed steps.
  let tokensPerSecond: Double
  let runs: Int
  let peakResidentBytes: Int?

  init(
    _ benchCase: BenchCase, threads: Int, runs: Int, precision: TrainingRecipe.Precision
  ) throws {
    let warmups = 2
    let trainer = try Trainer(
      recipe: TrainingRecipe(
        method: .distill, sequenceLength: benchCase.batch.length,
        batchSize: benchCase.batch.sequences, steps: warmups + runs,
        optimizer: TrainingRecipe.Optimizer(learningRate: 3e-4),
        schedule: LearningRateSchedule(kind: .constant),
        losses: LossWeights(kd: DistillationLoss(temperature: 1.3), ce: 0.25, format: 0),
        precision: precision, logEvery: .max),
      configuration: benchCase.configuration, data: SyntheticTraces.data(for: benchCase),
      team: ComputeTeam(threadCount: threads))
    var rates: [Double] = []
    for step in 0..<warmups + runs {
      let report = try trainer.step()
      if step >= warmups { rates.append(report.tokensPerSecond) }
    }
    tokensPerSecond = median(rates)
    self.runs = runs
    peakResidentBytes = trainer.health.memory.peakResidentBytes
  }
}

/// The middle value, or the mean of the two in the middle; `values` must not be empty.
func median(_ values: [Double]) -> Double {
  let sorted = values.sorted()
  return (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
}
