internal import Checkpoints
internal import Corpora
internal import Evaluation
internal import Foundation
internal import Inference
internal import JobAPI
internal import Jobs
internal import Tokenization
internal import Transformer
internal import WorkerPool

/// Copies a full-precision model as the student that it is to become, and reports what that alone
/// costs (RECIPE §7, stage 1).
struct ConvertRunner {
  private let environment: JobEnvironment
  private let running: RunningJob

  init(_ environment: JobEnvironment, _ running: RunningJob) {
    self.environment = environment
    self.running = running
  }

  static let reportFile = "convert_report.json"

  func run(_ spec: ConvertSpec) throws -> JobOutcome {
    let record = try environment.modelRecord(spec.model)
    let folder = environment.folder.url(record.path)
    let conversion = try ModelConversion(spec, of: ModelFolder.configuration(in: folder))
    let tokenizer = try ModelFolder.tokenizer(in: folder)
    let texts = try texts(spec, conversion.target, tokenizer: tokenizer)
    let longest = texts.map(\.tokens.count).max() ?? 0
    try environment.requireLength(longest, of: conversion.target)
    try requireMemory(conversion, longest: longest)

    tell(0, "copying the weights")
    let weights = try conversion.weights(
      in: folder, as: conversion.target, team: environment.team)
    var report = ConversionReport(conversion, source: spec.model.text)
    report.measure(weights, team: environment.team)
    let final = try write(weights, conversion, tokenizer, beside: folder)
    if !texts.isEmpty {
      guard let drift = try drift(of: conversion, weights, from: folder, on: texts) else {
        return .stopped
      }
      report.drift = drift
    }
    try environment.writeReport(report, Self.reportFile, of: running)
    return .succeeded(result: try finish(report, conversion, at: final))
  }

  private func requireMemory(_ conversion: ModelConversion, longest: Int) throws {
    let parameters = conversion.target.parameterCount
    // The copy in fp32; with text another one, from which the models that score are packed, two of
    // them at 16 bits; and one text's logits of two models.
    let bytes =
      longest > 0
      ? 12 * parameters + 8 * longest * conversion.target.vocabSize : 4 * parameters
    try environment.requireMemory(bytes, for: "\(parameters) parameters")
  }

  // MARK: - The model

  /// Writes the folder that others read the model from.
  private func write(
    _ weights: Parameters, _ conversion: ModelConversion, _ tokenizer: Tokenizer,
    beside source: URL
  ) throws -> URL {
    let final = try environment.folder.folder(of: running.job.id)
      .appendingPathComponent("converted")
    try CheckpointDirectory.write(at: final) { folder in
      try SafetensorsWriter.write(
        to: folder.appendingPathComponent("model.safetensors"),
        tensors: weights.layout.views.map {
          SafetensorsWriter.Tensor(
            name: $0.name, shape: $0.shape, values: UnsafePointer(weights.values + $0.offset))
        },
        metadata: ["format": "pt"])
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      try AtomicFile.write(
        encoder.encode(conversion.target), to: folder.appendingPathComponent("config.json"))
      try AtomicFile.write(tokenizer.json, to: folder.appendingPathComponent("tokenizer.json"))
      // How to talk to the model stays as it was.
      for name in ["tokenizer_config.json", "chat_template.jinja"] {
        guard let data = try? Data(contentsOf: source.appendingPathComponent(name)) else {
          continue
        }
        try AtomicFile.write(data, to: folder.appendingPathComponent(name))
      }
    }
    return final
  }

  private func finish(
    _ report: ConversionReport, _ conversion: ModelConversion, at folder: URL
  ) throws -> JSONValue {
    let model = try environment.record(
      modelAt: folder, files: ["model.safetensors", "config.json", "tokenizer.json"],
      configuration: conversion.target, of: running)
    func figure(_ value: Double?) -> JSONValue {
      value.flatMap { $0.isFinite ? .double($0) : nil } ?? .null
    }
    let drift = report.drift
    return [
      "model": .string(model.id.text), "path": .string(model.path),
      "parameters": .int(Int64(report.parameters)),
      "quantization": .string(report.quantization),
      "added_norms": .int(Int64(report.addedNorms)), "zero_share": figure(report.zeroShare),
      "relative_error": figure(report.relativeError),
      "perplexity": [
        "original": figure(drift?.original.perplexity),
        "sub_norm": figure(drift?.subNorm?.perplexity),
        "ternary": figure(drift?.ternary?.perplexity),
      ], "weights_sha256": .string(model.fingerprint),
    ]
  }

  // MARK: - What it costs

  private func texts(
    _ spec: ConvertSpec, _ configuration: ModelConfiguration, tokenizer: Tokenizer
  ) throws -> [ScoredText] {
    switch try spec.corpus?.load(paths: environment.paths) {
    case nil: return []
    case .pairs(let pairs):
      return pairs.prefix(spec.maxExamples).map { pair in
        let example = TokenizedExample(
          pair, tokenizer: tokenizer, lengthMax: configuration.maxPositionEmbeddings)
        return ScoredText(tokens: example.tokens, firstTarget: example.promptCount)
      }
    case .text(let text):
      let tokens = tokenizer.encode(text)
      // A window and the token behind it must fit the model.
      let length = min(spec.sequenceLength, configuration.maxPositionEmbeddings - 1)
      guard tokens.count > length else {
        throw Problem(
          type: "urn:bitnet:problem:unusable-corpus", title: "The corpus cannot be used",
          detail: "its part has \(tokens.count) tokens, fewer than one sequence of"
            + " sequence_length + 1 = \(length + 1)")
      }
      return stride(from: 0, to: tokens.count - length, by: length)
        .prefix(spec.maxExamples).map { first in
          ScoredText(tokens: Array(tokens[first...(first + length)]), firstTarget: 1)
        }
    }
  }

  /// Nil when it was asked to stop.
  private func drift(
    of conversion: ModelConversion, _ weights: Parameters, from folder: URL,
    on texts: [ScoredText]
  ) throws -> ConversionReport.Drift? {
    let team = environment.team
    func packed(_ configuration: ModelConfiguration) throws -> InferenceModel {
      try InferenceModel(
        configuration: configuration,
        parameters: conversion.weights(in: folder, as: configuration, team: team), team: team)
    }
    tell(0.1, "packing the models")
    let isTernary = conversion.target.quantization == .ternary
    var models = [try packed(conversion.source)]
    if conversion.addedNorms > 0 { models.append(try packed(conversion.withNormsOnly)) }
    if isTernary {
      models.append(
        try InferenceModel(configuration: conversion.target, parameters: weights, team: team))
    }
    let longest = texts.map(\.tokens.count).max() ?? 1
    let comparison = ConversionDrift(models: models, length: longest, team: team)
    let scores = try comparison.scores(of: texts) { done in
      tell(0.2 + 0.8 * Double(done) / Double(texts.count), "scoring held-out text")
      return running.stopRequested == nil
    }
    guard let scores else { return nil }
    var drift = ConversionReport.Drift()
    drift.texts = texts.count
    drift.longestTokens = longest
    drift.original = scores[0]
    if conversion.addedNorms > 0 { drift.subNorm = scores[1] }
    if isTernary { drift.ternary = scores.last }
    return drift
  }

  private func tell(_ fraction: Double, _ message: String) {
    running.report(Progress(fraction: fraction, message: message))
  }
}
