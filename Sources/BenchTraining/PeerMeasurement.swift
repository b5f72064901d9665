import ArgumentParser
import Foundation

/// How the peer's script is run.
enum PeerMode: String, CaseIterable, ExpressibleByArgument {
  case fp32, bf16, compiled, tuned

  var arguments: [String] {
    switch self {
    case .fp32: ["--mode", "fp32"]
    case .bf16: ["--mode", "bf16"]
    case .compiled: ["--mode", "bf16", "--compile"]
    case .tuned: ["--mode", "bf16", "--bitlinear", "int8", "--loss", "chunked", "--kd", "coarse"]
    }
  }
}

/// What PyTorch's step of the same shape and losses takes.
struct PeerMeasurement {
  let name: String
  /// Median.
  let tokensPerSecond: Double
  let peakResidentBytes: Int

  private struct Answer: Decodable {
    let torch: String
    // Lowest, median, highest.
    let tok_per_s: [Double]
    let peak_rss_mb: Double
  }

  init(
    _ benchCase: BenchCase, threads: Int, mode: PeerMode, python: String, script: String
  ) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: python)
    process.arguments =
      [script, "--config", benchCase.rawValue, "--threads", "\(threads)", "--max-samples", "7"]
      + mode.arguments
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
    name = "PyTorch \(answer.torch) \(mode.rawValue)"
    tokensPerSecond = answer.tok_per_s[1]
    peakResidentBytes = Int(answer.peak_rss_mb * 1_048_576)
  }
}
