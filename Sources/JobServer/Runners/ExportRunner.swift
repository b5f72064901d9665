internal import Checkpoints
internal import Foundation
internal import JobAPI
internal import Jobs
internal import ModelFormats
internal import Tokenization
internal import Transformer
internal import WorkerPool

/// Writes a model in a format that other programs read.
struct ExportRunner {
  private let environment: JobEnvironment
  private let running: RunningJob

  init(_ environment: JobEnvironment, _ running: RunningJob) {
    self.environment = environment
    self.running = running
  }

  func run(_ spec: ExportSpec) throws -> JobOutcome {
    let folder = try environment.modelFolder(spec.model)
    let loaded = try ModelFolder.load(folder)
    var notes: [String] = []
    var template: String?
    do {
      template = try ChatTemplate.ofModel(in: folder)?.template.source
    } catch {
      notes.append("The chat template was left out, because it cannot be read: \(error)")
    }
    let model = ExportedModel(
      name: folder.lastPathComponent, configuration: loaded.configuration,
      parameters: loaded.parameters, tokenizer: loaded.tokenizer,
      chatTemplate: template)
    do {
      switch spec.format {
      case .gguf: return .succeeded(result: try writeGGUF(model, spec, notes: notes))
      case .huggingFace: return .succeeded(result: try writeHuggingFace(model, spec, notes: notes))
      }
    } catch let error as FormatError {
      throw Problem(error)
    }
  }

  /// One file, as llama.cpp reads it.
  private func writeGGUF(
    _ model: ExportedModel, _ spec: ExportSpec, notes: [String]
  ) throws -> JSONValue {
    let weights = spec.ggufWeights(for: model.configuration)
    let name = "\(model.name)-\(weights.rawValue).gguf"
    let final = try environment.folder.folder(of: running.job.id).appendingPathComponent(name)
    let summary = try GGUFExport.write(
      model, weights: weights, embeddings: spec.ggufEmbeddings, to: final)
    running.addArtifact(try Artifact(file: final, in: environment.folder, name: name))
    let tensors = summary.tensorCounts.sorted { $0.key < $1.key }.map {
      ($0.key, JSONValue.int(Int64($0.value)))
    }
    return [
      "format": "gguf", "path": .string(environment.folder.relativePath(final)),
      "architecture": .string(summary.architecture.rawValue),
      "weights": .string(weights.rawValue), "tensors": .object(JSONObject(tensors)),
      "notes": .array((notes + summary.notes).map { .string($0) }),
    ]
  }

  /// `config.json`, `model.safetensors` and `tokenizer.json`, as transformers reads them.
  private func writeHuggingFace(
    _ model: ExportedModel, _ spec: ExportSpec, notes: [String]
  ) throws -> JSONValue {
    let weights = spec.huggingFaceWeights
    let final = try environment.folder.folder(of: running.job.id)
      .appendingPathComponent("huggingface")
    var modelType = ""
    try CheckpointDirectory.write(at: final) { folder in
      modelType = try HuggingFaceExport.write(model, weights: weights, into: folder)
    }
    for name in try FileManager.default.contentsOfDirectory(atPath: final.path).sorted()
    where name != ChecksumList.fileName {
      running.addArtifact(
        try Artifact(
          file: final.appendingPathComponent(name), in: environment.folder,
          name: "huggingface/" + name))
    }
    return [
      "format": "huggingface", "path": .string(environment.folder.relativePath(final)),
      "model_type": .string(modelType), "weights": .string(weights.rawValue),
      "notes": .array(notes.map { .string($0) }),
    ]
  }
}

extension ExportSpec {
  /// How a GGUF file of `model` stores its matrices.
  func ggufWeights(for model: ModelConfiguration) -> GGUFWeights {
    weights.flatMap { GGUFWeights(rawValue: $0.rawValue) }
      ?? (model.quantization == .ternary ? .tq2_0 : .f16)
  }

  var ggufEmbeddings: GGUFWeights { GGUFWeights(rawValue: embeddings.rawValue) ?? .f16 }

  var huggingFaceWeights: HuggingFaceExport.Weights {
    weights.flatMap { HuggingFaceExport.Weights(rawValue: $0.rawValue) } ?? .bf16
  }
}

extension Problem {
  /// What an operator reads when a model does not go into a format, or comes out of none.
  init(_ error: FormatError) {
    switch error {
    case .notRepresentable:
      self.init(
        type: "urn:bitnet:problem:not-representable", title: "The format cannot hold this model",
        detail: "\(error)")
    case .unsupported, .unreadable, .invalid:
      self.init(
        type: "urn:bitnet:problem:unusable-model", title: "The model cannot be used",
        detail: "\(error)")
    case .unwritable(let error):
      self.init(
        type: "urn:bitnet:problem:storage", title: "The file cannot be written", detail: "\(error)")
    }
  }
}
