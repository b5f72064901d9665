internal import Foundation

/// How rotary frequencies change so that a model reads longer sequences than it was trained on.
///
/// The JSON form is Hugging Face's `rope_scaling` object: `{"rope_type": "llama3", "factor": 8, …}`.
/// No object, or the type `default`, means the plain frequencies. The formulas are in RoPE.swift.
package enum RopeScaling: Equatable, Sendable {
  /// All frequencies divided by `factor`.
  case linear(factor: Double)
  /// Low frequencies divided by `factor`, high ones kept, a ramp between (Llama 3.1).
  case llama3(
    factor: Double, lowFrequencyFactor: Double, highFrequencyFactor: Double,
    originalPositions: Int)
  /// YaRN (Peng et al. 2023, arXiv:2309.00071). `attentionFactor` multiplies cosines and sines.
  case yarn(
    factor: Double, originalPositions: Int, betaFast: Double, betaSlow: Double,
    attentionFactor: Double)
}

/// The parameters of `rope_scaling` as they are written in JSON.
private enum RopeScalingKey: String, CodingKey {
  case ropeType = "rope_type"
  case legacyType = "type"
  case factor
  case lowFrequencyFactor = "low_freq_factor"
  case highFrequencyFactor = "high_freq_factor"
  case originalPositions = "original_max_position_embeddings"
  case betaFast = "beta_fast"
  case betaSlow = "beta_slow"
  case attentionFactor = "attention_factor"
  case mscale
  case mscaleAllDim = "mscale_all_dim"
  case truncate
}

extension RopeScaling {
  /// The scaling in a `rope_scaling` (or `rope_parameters`) object; nil for the type `default`.
  ///
  /// - Throws: `DecodingError.dataCorrupted`, naming the type, for one that is not built
  ///   (`dynamic`, `longrope`, …); the usual `DecodingError` for a missing parameter.
  package static func decode(from decoder: any Decoder) throws -> RopeScaling? {
    let container = try decoder.container(keyedBy: RopeScalingKey.self)
    let type =
      try container.decodeIfPresent(String.self, forKey: .ropeType)
      ?? container.decodeIfPresent(String.self, forKey: .legacyType) ?? "default"
    func number(_ key: RopeScalingKey) throws -> Double {
      try container.decode(Double.self, forKey: key)
    }
    switch type {
    case "default":
      return nil
    case "linear":
      return .linear(factor: try number(.factor))
    case "llama3":
      return .llama3(
        factor: try number(.factor), lowFrequencyFactor: try number(.lowFrequencyFactor),
        highFrequencyFactor: try number(.highFrequencyFactor),
        originalPositions: try container.decode(Int.self, forKey: .originalPositions))
    case "yarn":
      if try container.decodeIfPresent(Bool.self, forKey: .truncate) == false {
        throw unsupported("yarn with truncate: false", at: container, key: .truncate)
      }
      let factor = try number(.factor)
      return .yarn(
        factor: factor,
        originalPositions: try container.decode(Int.self, forKey: .originalPositions),
        betaFast: try container.decodeIfPresent(Double.self, forKey: .betaFast) ?? 32,
        betaSlow: try container.decodeIfPresent(Double.self, forKey: .betaSlow) ?? 1,
        attentionFactor: try container.decodeIfPresent(Double.self, forKey: .attentionFactor)
          ?? yarnAttentionFactor(
            factor: factor, mscale: container.decodeIfPresent(Double.self, forKey: .mscale),
            mscaleAllDim: container.decodeIfPresent(Double.self, forKey: .mscaleAllDim)))
    default:
      throw unsupported("rope_type '\(type)'", at: container, key: .ropeType)
    }
  }

  private static func unsupported(
    _ what: String, at container: KeyedDecodingContainer<RopeScalingKey>, key: RopeScalingKey
  ) -> DecodingError {
    .dataCorruptedError(
      forKey: key, in: container,
      debugDescription: "\(what) is not supported; known: default, linear, llama3, yarn")
  }

  /// YaRN's factor on the attention's temperature when the file gives none: 0.1 ln(factor) + 1, or
  /// the quotient of the two `mscale` forms.
  private static func yarnAttentionFactor(
    factor: Double, mscale: Double?, mscaleAllDim: Double?
  ) -> Double {
    func temperature(_ mscale: Double) -> Double {
      factor <= 1 ? 1 : 0.1 * mscale * log(factor) + 1
    }
    guard let mscale, let mscaleAllDim, mscale != 0, mscaleAllDim != 0 else {
      return temperature(1)
    }
    return temperature(mscale) / temperature(mscaleAllDim)
  }
}

extension RopeScaling: Codable {
  /// Decodes a scaling; unlike `decode(from:)` it refuses the type `default`.
  package init(from decoder: any Decoder) throws {
    guard let scaling = try RopeScaling.decode(from: decoder) else {
      throw DecodingError.dataCorrupted(
        .init(codingPath: decoder.codingPath, debugDescription: "rope_type 'default' is no scaling")
      )
    }
    self = scaling
  }

  package func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: RopeScalingKey.self)
    switch self {
    case .linear(let factor):
      try container.encode("linear", forKey: .ropeType)
      try container.encode(factor, forKey: .factor)
    case .llama3(let factor, let low, let high, let originalPositions):
      try container.encode("llama3", forKey: .ropeType)
      try container.encode(factor, forKey: .factor)
      try container.encode(low, forKey: .lowFrequencyFactor)
      try container.encode(high, forKey: .highFrequencyFactor)
      try container.encode(originalPositions, forKey: .originalPositions)
    case .yarn(let factor, let originalPositions, let betaFast, let betaSlow, let attentionFactor):
      try container.encode("yarn", forKey: .ropeType)
      try container.encode(factor, forKey: .factor)
      try container.encode(originalPositions, forKey: .originalPositions)
      try container.encode(betaFast, forKey: .betaFast)
      try container.encode(betaSlow, forKey: .betaSlow)
      try container.encode(attentionFactor, forKey: .attentionFactor)
    }
  }
}
