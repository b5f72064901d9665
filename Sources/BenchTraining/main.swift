import ArgumentParser
import Distillation
import Kernels

/// Prints one JSON line a case, in the format of all benchmarks (docs/http-api.md).
struct BenchTraining: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Tokens per second of a whole training step: forward, loss, backward, AdamW.")

  @Option(help: "Shape to train: mini, small or qwen3-0.6b; may be given several times.")
  var `case`: [BenchCase] = [.mini]
  @Option(help: "Threads of the compute team.")
  var threads = 2
  @Option(help: "Timed steps; the median counts.")
  var runs = 5
  @Option(help: "Precision of gradients: fp32, bf16 or fp16.")
  var precision = TrainingRecipe.Precision.bf16
  @Option(help: "Python with PyTorch; with --peer-script, the peer is measured after us.")
  var peerPython: String?
  @Option(help: "The peer's bench_train.py.")
  var peerScript: String?
  @Option(help: "What the peer does: fp32, bf16, compiled or tuned.")
  var peerMode = PeerMode.fp32

  func run() throws {
    for benchCase in `case` {
      let ours = try StepMeasurement(
        benchCase, threads: threads, runs: runs, precision: precision)
      var peer: PeerMeasurement?
      if let peerPython, let peerScript {
        peer = try PeerMeasurement(
          benchCase, threads: threads, mode: peerMode, python: peerPython, script: peerScript)
      }
      print(try BenchLine(benchCase, threads: threads, ours: ours, peer: peer).json)
    }
  }
}

extension TrainingRecipe.Precision: ExpressibleByArgument {}
BenchTraining.main()
