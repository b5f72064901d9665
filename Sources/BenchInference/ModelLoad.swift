import ArgumentParser
import Foundation
import Inference
import Kernels

/// How soon a packed file answers, and what memory that takes.
struct ModelLoad: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "load", abstract: "Time to the first token of a packed file, and its memory.")

  @Option(help: "A packed model, as `speed --file` makes it.") var file: String
  @Option(help: "Compute threads.") var threads: Int = 1
  @Option(help: "Positions that run before the memory is read.") var positions: Int = 512

  /// One line of output.
  private struct Line: Encodable {
    let openSeconds: Double
    let firstTokenSeconds: Double
    let peakRssBytes: Int?
    let weightBytes: Int
    let cacheBytes: Int
    /// 1.05 × weights + cache + 50 MB.
    let allowedBytes: Int
  }

  func run() throws {
    let clock = ContinuousClock()
    let start = clock.now
    let model = try PackedModelFile.open(URL(fileURLWithPath: file))
    let opened = clock.now
    let session = InferenceSession(
      model: model, maximumSequences: 1, maximumLength: positions,
      team: ComputeTeam(threadCount: threads))
    _ = try session.prefill([1], sequence: 0)
    let first = clock.now
    _ = try session.prefill([Int32](repeating: 2, count: positions - 1), sequence: 0)
    let cache = SessionBytes(
      predicting: model.configuration, maximumSequences: 1, maximumLength: positions
    ).keyValueCache
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    let line = Line(
      openSeconds: (opened - start) / .seconds(1), firstTokenSeconds: (first - start) / .seconds(1),
      peakRssBytes: Self.peakResidentBytes, weightBytes: model.bytes.total, cacheBytes: cache,
      allowedBytes: model.bytes.total * 105 / 100 + cache + 50_000_000)
    print(String(decoding: try encoder.encode(line), as: UTF8.self))
  }

  static var peakResidentBytes: Int? {
    let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    let line = status?.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
    return line?.split(separator: " ").dropFirst().first.flatMap { Int($0) }.map { $0 * 1024 }
  }
}
