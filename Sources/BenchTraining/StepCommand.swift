import ArgumentParser
import Distillation
import Kernels
import Transformer

/// Measures our step, in a process of its own: its peak of resident memory is the step's.
struct StepCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "step", abstract: "Measure our training step; prints one JSON line.")

  @Option(help: "Shape to train: mini, small or qwen3-0.6b.")
  var `case` = BenchCase.mini
  @Option(help: "Threads of the compute team.")
  var threads = 2
  @Option(help: "Timed steps; the median counts.")
  var samples = 5
  @Option(help: "Steps before them.")
  var warmups = 2
  @Option(help: "Precision of gradients: fp32, bf16 or fp16.")
  var precision = TrainingRecipe.Precision.bf16
  @Option(
    help: "What the forward pass keeps: fp32, bf16, or recomputed for the blocks' inputs only.")
  var activations = ActivationStorage.fp32
  @Flag(help: "Pin the threads to CPUs.")
  var pin = false

  func run() throws {
    let team = ComputeTeam(threadCount: threads, placement: pin ? .pinned : .free)
    let trainer = try Trainer(
      recipe: TrainingRecipe(
        method: .distill, sequenceLength: `case`.batch.length,
        batchSize: `case`.batch.sequences, steps: warmups + samples,
        optimizer: TrainingRecipe.Optimizer(learningRate: 3e-4),
        schedule: LearningRateSchedule(kind: .constant),
        losses: LossWeights(kd: DistillationLoss(temperature: 1.3), ce: 0.25, format: 0),
        precision: precision, activations: activations, logEvery: .max),
      configuration: `case`.configuration, data: SyntheticTraces.data(for: `case`), team: team)
    var rates: [Double] = []
    for step in 0..<warmups + samples {
      let report = try trainer.step()
      if step >= warmups { rates.append(report.tokensPerSecond) }
    }
    // Read before the peaks are measured, which takes memory of its own.
    let memory = trainer.health.memory
    trainer.machine = MachinePeaks.measured(team: team)
    let line = Measurement(
      benchCase: `case`.rawValue, threads: threads, side: Measurement.ours,
      name: "\(precision.rawValue), \(InstructionSet.active.rawValue)",
      tokensPerSecond: median(rates), samples: samples,
      peakResidentBytes: memory.peakResidentBytes ?? 0,
      predictedBytes: memory.predictedBytes, profile: trainer.health.profile,
      peaks: trainer.machine)
    print(try line.json)
  }
}

extension TrainingRecipe.Precision: ExpressibleByArgument {}
extension ActivationStorage: ExpressibleByArgument {}
