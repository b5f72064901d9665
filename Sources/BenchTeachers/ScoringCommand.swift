import ArgumentParser
import Checkpoints
import Foundation
import Kernels
import Teachers
import Transformer

/// Scores random texts with a teacher and keeps the largest candidates of every position.
struct ScoringCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "scoring", abstract: "Measure a local teacher's tokens a second.")

  @Argument(help: "A checkpoint's folder, such as `model` writes.")
  var folder: String
  @Option(help: "Threads of the compute team.")
  var threads = 2
  @Option(help: "Tokens of a text.")
  var length = 512
  @Option(help: "Texts that the model computes at once.")
  var batch = 1
  @Option(help: "Candidates of a position.")
  var topK = 20
  @Option(help: "Measured runs.")
  var samples = 5
  @Flag(help: "Compute in fp32 instead of bf16.")
  var fp32 = false

  func run() throws {
    let url = URL(fileURLWithPath: folder)
    let configuration = try JSONDecoder().decode(
      ModelConfiguration.self,
      from: Data(contentsOf: url.appendingPathComponent("config.json")))
    let weights = try ModelWeights(url)
    let teacher = try LocalTeacher(
      weights, configuration: configuration, maximumLength: length, batchRows: batch * length,
      precision: fp32 ? .fp32 : .bf16, team: ComputeTeam(threadCount: threads))
    let texts = (0..<batch).map { text in
      UnscoredSequence(
        id: Int64(text),
        tokens: (0..<length).map { Int32(($0 * 7919 + text * 104_729) % configuration.vocabSize) })
    }
    let rate = try Measurement.rate(of: batch * length, samples: samples) {
      _ = try teacher.score(texts, choice: .top(topK))
    }
    try Measurement(
      name: fp32 ? "teacher-scoring-fp32" : "teacher-scoring", threads: threads, perSecond: rate,
      unit: "tokens/s", samples: samples, peakRSSBytes: Measurement.peakResidentBytes,
      weightBytes: weights.byteCount
    ).printLine()
  }
}
