import ArgumentParser
import Checkpoints
import Evaluation
import Foundation
import Inference
import Kernels
import Tokenization
import Transformer

/// What each way of storing embedding, head and cache costs a trained model, in perplexity.
struct StorageCost: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cost",
    abstract:
      "Perplexity of a trained model on a text, for every way of storing what is not ternary."
  )

  @Option(help: "A checkpoint: config.json, model.safetensors, tokenizer.json.") var checkpoint:
    String
  @Option(help: "A text that the model was not trained on.") var text: String
  @Option(help: "Windows of 256 tokens to score.") var windows: Int = 40

  /// One line of output.
  private struct Line: Encodable {
    let embeddings: String
    let cache: String
    let bytes: Int
    let perplexity: Double?
    let perplexityRatio: Double?
    let klToFp32: Double?
  }

  func run() throws {
    let folder = URL(fileURLWithPath: checkpoint)
    let configuration = try JSONDecoder().decode(
      ModelConfiguration.self,
      from: Data(contentsOf: folder.appendingPathComponent("config.json"))
    ).validated()
    let parameters = Parameters(layout: ParameterLayout(configuration))
    let weights = try SafetensorsFile(mapping: folder.appendingPathComponent("model.safetensors"))
    for view in parameters.layout.views {
      try weights.copy(view.name, shape: view.shape, into: parameters.values + view.offset)
    }
    let tokenizer = try Tokenizer(contentsOf: folder.appendingPathComponent("tokenizer.json"))
    let tokens = tokenizer.encode(try String(contentsOfFile: text, encoding: .utf8))
    let encoder = JSONEncoder()
    encoder.keyEncodingStrategy = .convertToSnakeCase
    for (embeddings, cache) in cases {
      let line = try line(
        configuration, parameters, Array(tokens.suffix(windows * 256)), embeddings, cache)
      print(String(decoding: try encoder.encode(line), as: UTF8.self))
    }
  }

  /// Each choice alone, then both of the smallest.
  private var cases: [(DenseWeights.Storage, CachePrecision)] {
    [
      (.fp32, .fp32), (.bf16, .fp32), (.int8, .fp32), (.int4, .fp32), (.fp32, .fp16),
      (.fp32, .int8), (.int4, .int8),
    ]
  }

  private func line(
    _ configuration: ModelConfiguration, _ parameters: Parameters, _ tokens: [Int32],
    _ embeddings: DenseWeights.Storage, _ cache: CachePrecision
  ) throws -> Line {
    let team = ComputeTeam.shared
    let models = try [DenseWeights.Storage.fp32, embeddings].map {
      try InferenceModel(
        configuration: configuration, parameters: parameters, storage: $0, team: team)
    }
    let sessions = zip(models, [.fp32, cache]).map { model, precision in
      InferenceSession(
        model: model, maximumSequences: 1, maximumLength: 256, cachePrecision: precision,
        team: team)
    }
    let vocabulary = configuration.vocabSize
    var metrics = HeldOutMetrics()
    for start in stride(from: 0, to: tokens.count - 1, by: 256) {
      let window = Array(tokens[start..<min(tokens.count, start + 256)])
      let targets = window.indices.map { $0 + 1 < window.count ? window[$0 + 1] : -1 }
      let logits = try sessions.map { session in
        session.reset(0)
        var logits: [Float] = []
        try session.score(window, sequence: 0) { positions, rows in
          logits += UnsafeBufferPointer(start: rows, count: positions.count * vocabulary)
        }
        return logits
      }
      logits[0].withUnsafeBufferPointer { exact in
        logits[1].withUnsafeBufferPointer { stored in
          guard let exact = exact.baseAddress, let stored = stored.baseAddress else { return }
          func rows(_ logits: UnsafePointer<Float>) -> LogitRows {
            LogitRows(logits, count: window.count, vocabularySize: vocabulary, team: team)
          }
          metrics.add(rows(stored), targets: targets, teacher: rows(exact), team: team)
        }
      }
    }
    let scores = metrics.scores
    return Line(
      embeddings: embeddings.rawValue, cache: cache.rawValue, bytes: models[1].bytes.total,
      perplexity: scores.perplexity, perplexityRatio: scores.perplexityRatio,
      klToFp32: scores.klToTeacher)
  }
}
