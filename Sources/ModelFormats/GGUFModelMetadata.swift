internal import Checkpoints
internal import Foundation
internal import Transformer

/// The keys of a GGUF file that decide what its model computes.
struct GGUFModelMetadata {
  /// The tensor that holds what llama 3's scaling divides each frequency by.
  static let ropeFactors = "rope_freqs.weight"

  private let file: GGUFFile

  init(_ file: GGUFFile) { self.file = file }

  func architecture() throws(FormatError) -> GGUFArchitecture {
    let name = try value { () throws(GGUFError) in
      try file.require("general.architecture", file.string)
    }
    guard let architecture = GGUFArchitecture(rawValue: name) else {
      let known = GGUFArchitecture.allCases.map(\.rawValue).joined(separator: ", ")
      throw .unsupported(
        path: file.path, feature: "the architecture \(name) (known: \(known))")
    }
    return architecture
  }

  func configuration(
    _ architecture: GGUFArchitecture
  ) throws(FormatError) -> ModelConfiguration {
    let prefix = architecture.rawValue + "."
    func size(_ key: String) throws(FormatError) -> Int {
      try value { () throws(GGUFError) in try file.require(prefix + key, file.integer) }
    }
    func optionalSize(_ key: String) throws(FormatError) -> Int? {
      try value { () throws(GGUFError) in try file.integer(prefix + key) }
    }
    // The file has fp32, where 1e-5 is 0.0000099999997; what was meant is the shortest decimal.
    func number(_ key: String) throws(FormatError) -> Double? {
      try value { () throws(GGUFError) in try file.number(prefix + key) }
        .map { Double("\(Float($0))") ?? $0 }
    }
    let embedding = try value { () throws(GGUFError) in try file.tensor("token_embd.weight") }
    guard embedding.shape.count == 2 else {
      throw .unsupported(path: file.path, feature: "token_embd.weight of shape \(embedding.shape)")
    }
    let heads = try size("attention.head_count")
    let width = try size("embedding_length")
    let headDim = try optionalSize("attention.key_length") ?? width / max(1, heads)
    for key in ["attention.value_length", "rope.dimension_count"] {
      if let other = try optionalSize(key), other != headDim {
        throw .unsupported(path: file.path, feature: "\(prefix)\(key) \(other), not \(headDim),")
      }
    }
    let theta = try number("rope.freq_base") ?? 10_000
    let configuration = ModelConfiguration(
      vocabSize: embedding.shape[0], hiddenSize: width,
      intermediateSize: try size("feed_forward_length"),
      numHiddenLayers: try size("block_count"), numAttentionHeads: heads,
      numKeyValueHeads: try optionalSize("attention.head_count_kv") ?? heads, headDim: headDim,
      ropeTheta: theta, ropeScaling: try scaling(prefix, headDim: headDim, theta: theta),
      rmsNormEps: try number("attention.layer_norm_rms_epsilon") ?? 1e-6,
      tieWordEmbeddings: file.tensors["output.weight"] == nil,
      hiddenAct: architecture.activation, qkNorm: architecture == .qwen3,
      attentionBias: architecture == .qwen2, subNorm: architecture.hasSubNorm,
      quantization: isTernary(architecture) ? .ternary : .none,
      maxPositionEmbeddings: try optionalSize("context_length") ?? 2048)
    do {
      return try configuration.validated()
    } catch {
      throw .invalid(path: file.path, error)
    }
  }

  /// Whether the projections are trits: always in BitNet's networks, else by their storage.
  private func isTernary(_ architecture: GGUFArchitecture) -> Bool {
    guard !architecture.hasSubNorm else { return true }
    let type = file.tensors["blk.0.ffn_down.weight"]?.type
    return type == .tq2_0 || type == .tq1_0 || type == .i2_S
      || file.tensors["blk.0.ffn_down.scale"] != nil
  }

  private func scaling(
    _ prefix: String, headDim: Int, theta: Double
  ) throws(FormatError) -> RopeScaling? {
    let type = try value { () throws(GGUFError) in try file.string(prefix + "rope.scaling.type") }
    let factor =
      try value { () throws(GGUFError) in try file.number(prefix + "rope.scaling.factor") } ?? 1
    switch type ?? "none" {
    case "none": break
    case "linear":
      if factor != 1 { return .linear(factor: factor) }
    default:
      throw .unsupported(path: file.path, feature: "\(prefix)rope.scaling.type \(type ?? "")")
    }
    return try llama3Scaling(headDim: headDim, theta: theta)
  }

  /// The scaling whose factors the file's tensor holds.
  ///
  /// The file has the results only, so the settings that are in use are tried: Llama 3.1's and 3.2's.
  private func llama3Scaling(headDim: Int, theta: Double) throws(FormatError) -> RopeScaling? {
    guard let tensor = file.tensors[Self.ropeFactors] else { return nil }
    let feature = "\(Self.ropeFactors) of another kind than Llama 3.1's or 3.2's"
    guard tensor.type == .float32, tensor.shape == [headDim / 2] else {
      throw .unsupported(path: file.path, feature: feature)
    }
    let factors = file.withBytes(of: tensor) { bytes in
      (0..<headDim / 2).map {
        Float(bitPattern: bytes.loadUnaligned(fromByteOffset: 4 * $0, as: UInt32.self))
      }
    }
    for factor in [8.0, 32.0] {
      let scaling = Llama3Factors(factor: factor)
      let isSame = factors.indices.allSatisfy { index in
        let frequency = pow(theta, -2 * Double(index) / Double(headDim))
        let expected = scaling.divisor(ofFrequency: frequency)
        return abs(Double(factors[index]) - expected) < 1e-4 * expected
      }
      if isSame { return scaling.value }
    }
    throw .unsupported(path: file.path, feature: feature)
  }

  private func value<Value>(
    _ body: () throws(GGUFError) -> Value
  ) throws(FormatError) -> Value {
    do throws(GGUFError) { return try body() } catch { throw .unreadable(error) }
  }
}

/// What Llama 3 divides frequencies by.
///
/// Source: transformers, `modeling_rope_utils.py`, `_compute_llama3_parameters`.
private struct Llama3Factors {
  let factor: Double
  private let low = 1.0
  private let high = 4.0
  private let positions = 8192

  init(factor: Double) { self.factor = factor }

  var value: RopeScaling {
    .llama3(
      factor: factor, lowFrequencyFactor: low, highFrequencyFactor: high,
      originalPositions: positions)
  }

  func divisor(ofFrequency frequency: Double) -> Double {
    let turns = Double(positions) * frequency / (2 * Double.pi)
    if turns < low { return factor }
    if turns > high { return 1 }
    let smooth = (turns - low) / (high - low)
    return 1 / ((1 - smooth) / factor + smooth)
  }
}
