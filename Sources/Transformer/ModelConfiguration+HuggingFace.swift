package import Foundation

/// Why a `config.json` of Hugging Face's transformers describes no model of ours.
package enum HuggingFaceConfigurationError: Error, Equatable, Sendable {
  /// Not JSON, or a field is missing or of another type.
  case malformed(String)
  /// An architecture or an option that is not built; it is never approximated.
  case unsupported(field: String, value: String, expected: String)
  /// The sizes do not make a model.
  case invalid(ModelConfigurationError)
}

extension HuggingFaceConfigurationError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .malformed(let reason): reason
    case .unsupported(let field, let value, let expected):
      "\(field) is \(value), which is not supported: expected \(expected)"
    case .invalid(let error): error.description
    }
  }
}

/// How a checkpoint of model type bitnet keeps its projections.
package enum BitNetStorage: Equatable, Sendable {
  /// As floats that are rounded in the forward pass, or that compute as they are.
  case latent
  /// As trits, two bits each, that y = (x · trits) is multiplied with `weight_scale` behind.
  case packedMultiplied
  /// As trits, two bits each, that y = (x · trits) is divided by `weight_scale` behind.
  case packedDivided
}

extension ModelConfiguration {
  /// The configuration in a `config.json` of model type llama, qwen2, qwen3 or bitnet.
  ///
  /// What the file leaves out has transformers' default for its type. A model with a sliding window is
  /// one of no more positions than the window, within which it computes the same. bitnet's
  /// `quantization_config` (online, or packed offline) means ternary projections; without one the
  /// file holds master weights that compute in full precision.
  package init(huggingFace json: Data) throws(HuggingFaceConfigurationError) {
    let file = try Self.read(json)
    let type = file.type
    let headDim: Int? =
      switch file.headDim {
      case .missing: type == .qwen3 ? 128 : nil
      case .null: nil
      case .value(let value): value
      }
    let keyValueHeads: Int? =
      switch file.numKeyValueHeads {
      case .missing: type.defaultKeyValueHeads
      case .null: nil
      case .value(let value): value
      }
    let configuration = ModelConfiguration(
      vocabSize: file.vocabSize, hiddenSize: file.hiddenSize,
      intermediateSize: file.intermediateSize, numHiddenLayers: file.numHiddenLayers,
      numAttentionHeads: file.numAttentionHeads, numKeyValueHeads: keyValueHeads,
      headDim: headDim, ropeTheta: file.rope.theta ?? (type == .bitnet ? 500_000 : 10_000),
      ropeScaling: file.rope.scaling,
      rmsNormEps: file.rmsNormEps ?? (type == .bitnet ? 1e-5 : 1e-6),
      tieWordEmbeddings: file.tieWordEmbeddings ?? false,
      hiddenAct: file.activation == "relu2" ? .relu2 : .silu,
      qkNorm: type == .qwen3, attentionBias: file.hasAttentionBias,
      outputBias: file.hasOutputBias, mlpBias: file.hasMLPBias, subNorm: type == .bitnet,
      quantization: file.quantizationConfig == nil ? .none : .ternary,
      maxPositionEmbeddings: min(
        file.maxPositionEmbeddings ?? (type == .qwen2 || type == .qwen3 ? 32_768 : 2048),
        file.attentionWindow ?? .max))
    do {
      self = try configuration.validated()
    } catch {
      throw .invalid(error)
    }
  }

  /// How the weights beside this `config.json` are kept.
  package static func storage(
    huggingFace json: Data
  ) throws(HuggingFaceConfigurationError) -> BitNetStorage {
    guard let quantization = try read(json).quantizationConfig else { return .latent }
    if quantization.linearClass == "bitlinear" { return .packedDivided }
    return quantization.mode == "online" ? .latent : .packedMultiplied
  }

  private static func read(
    _ json: Data
  ) throws(HuggingFaceConfigurationError) -> HuggingFaceFile {
    let file: HuggingFaceFile
    do {
      file = try JSONDecoder().decode(HuggingFaceFile.self, from: json)
    } catch let error as HuggingFaceConfigurationError {
      throw error
    } catch let error as DecodingError {
      throw translated(error)
    } catch {
      throw .malformed("\(error)")
    }
    try file.refuseUnsupported()
    return file
  }

  private static func translated(_ error: DecodingError) -> HuggingFaceConfigurationError {
    func path(_ context: DecodingError.Context) -> String {
      context.codingPath.map(\.stringValue).joined(separator: ".")
    }
    return switch error {
    case .keyNotFound(let key, _): .malformed("\(key.stringValue) is missing")
    case .typeMismatch(let type, let context): .malformed("\(path(context)) is no \(type)")
    case .valueNotFound(let type, let context): .malformed("\(path(context)) is null, not \(type)")
    case .dataCorrupted(let context):
      .malformed("\(path(context)): \(context.debugDescription)")
    @unknown default: .malformed("\(error)")
    }
  }
}
