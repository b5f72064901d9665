import ArgumentParser

/// Measures training (bench/training.sh drives it).
struct BenchTraining: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Tokens per second of a whole training step: forward, loss, backward, AdamW.",
    subcommands: [StepCommand.self, PeerCommand.self, TableCommand.self, CurvesCommand.self])
}

BenchTraining.main()
