import ArgumentParser

/// Measures training (bench/training.sh and bench/distillation.sh drive it).
struct BenchTraining: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Tokens per second of a whole training step: forward, loss, backward, AdamW.",
    subcommands: [
      StepCommand.self, DistillCommand.self, PeerCommand.self, TableCommand.self,
      DistillTableCommand.self, CurvesCommand.self,
    ])
}

BenchTraining.main()
