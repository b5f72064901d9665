import ArgumentParser
import Foundation

/// How the peer's script is run.
enum PeerMode: String, CaseIterable, ExpressibleByArgument {
  case fp32, bf16, compiled, tuned
  case compiledFP32 = "fp32-compiled"

  /// All with our definition of the loss.
  var arguments: [String] {
    switch self {
    case .fp32: ["--mode", "fp32", "--kd", "coarse"]
    case .bf16: ["--mode", "bf16", "--kd", "coarse"]
    case .compiled: ["--mode", "bf16", "--kd", "coarse", "--compile"]
    case .compiledFP32: ["--mode", "fp32", "--kd", "coarse", "--compile"]
    case .tuned: ["--mode", "bf16", "--bitlinear", "int8", "--loss", "chunked", "--kd", "coarse"]
    }
  }

  /// The mode in words.
  var name: String {
    switch self {
    case .fp32: "eager fp32"
    case .bf16: "bf16 autocast"
    case .compiled: "bf16 compiled"
    case .compiledFP32: "fp32 compiled"
    case .tuned: "hand-tuned"
    }
  }
}

/// Measures what PyTorch's step of the same shape and losses takes.
struct PeerCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "peer", abstract: "Measure PyTorch's step; prints one JSON line.")

  @Option(help: "Shape to train: mini, small or qwen3-0.6b.")
  var `case` = BenchCase.mini
  @Option(help: "Threads.")
  var threads = 2
  @Option(help: "Timed steps; the median counts.")
  var samples = 5
  @Option(help: "fp32, fp32-compiled, bf16, compiled or tuned.")
  var mode = PeerMode.fp32
  @Option(help: "Python with PyTorch.")
  var python: String
  @Option(help: "The peer's bench_train.py, or what is called as it is.")
  var script: String

  private struct Answer: Decodable {
    let torch: String
    // Lowest, median, highest.
    let tok_per_s: [Double]
    let peak_rss_mb: Double
    let n: Int
  }

  func run() throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: python)
    process.arguments =
      [
        script, "--config", `case`.rawValue, "--threads", "\(threads)",
        "--max-samples", "\(samples)", "--quiet-target", "\(samples)", "--warmup", "1",
        "--wait-budget", "10",
      ] + mode.arguments
    let output = Pipe()
    process.standardOutput = output
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    guard process.terminationStatus == 0, let line = text.split(separator: "\n").last,
      let answer = try? JSONDecoder().decode(Answer.self, from: Data(line.utf8)),
      answer.tok_per_s.count == 3
    else {
      throw ValidationError("\(script) ended with \(process.terminationStatus) and no figures")
    }
    let measurement = Measurement(
      benchCase: `case`.rawValue, threads: threads, side: mode.rawValue,
      name: "PyTorch \(answer.torch) \(mode.name)", tokensPerSecond: answer.tok_per_s[1],
      samples: answer.n, peakResidentBytes: Int(answer.peak_rss_mb * 1_048_576))
    print(try measurement.json)
  }
}
