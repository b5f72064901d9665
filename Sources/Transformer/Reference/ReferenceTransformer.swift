package import Kernels

/// The whole model in double precision: the specification of `Transformer.forward`.
package struct ReferenceTransformer {
  /// How the two quantizers of BitLinear act.
  package enum Rounding {
    /// They round.
    case exact
    /// They round, and every call's offset, quantized − given, is kept in order.
    case recording
    /// They add the offset of the same call at the recorded point: the smooth function whose
    /// gradient the straight-through estimator takes for the quantizers'.
    case replaying
  }

  package let configuration: ModelConfiguration
  /// nil in full precision.
  package let activationBits: ActivationBits?
  /// The parameters by Hugging Face's names.
  package var tensors: [String: [Double]]
  package var rounding = Rounding.exact
  /// λ: what is rounded is (1 − λ) x + λ Q(x).
  package var quantizationStrength = 1.0
  private var offsets: [[Double]] = []
  private var nextOffset = 0
  private let rotary: RotaryFrequencies

  /// The model with the values of `parameters`.
  package init(
    configuration: ModelConfiguration, parameters: Parameters, activationBits: ActivationBits?
  ) {
    self.configuration = configuration
    self.activationBits = activationBits
    rotary = RotaryFrequencies(configuration)
    tensors = [:]
    for view in parameters.layout.views {
      tensors[view.name] = (0..<view.count).map { Double(parameters.values[view.offset + $0]) }
    }
  }

  /// The final-normed hidden states of several sequences without padding, each `[T][d]`.
  ///
  /// `recording` starts a new record, `replaying` reads it from the start.
  package mutating func hidden(_ sequences: [[Int32]]) -> [[[Double]]] {
    if rounding == .recording { offsets = [] }
    nextOffset = 0
    return sequences.map { hidden($0) }
  }

  private mutating func hidden(_ tokens: [Int32]) -> [[Double]] {
    let width = configuration.hiddenSize
    let table = self["model.embed_tokens.weight"]
    var stream = tokens.map { Array(table[Int($0) * width..<(Int($0) + 1) * width]) }
    for index in 0..<configuration.numHiddenLayers {
      let block = "model.layers.\(index)."
      stream = sum(stream, attentionHalf(stream, block))
      stream = sum(stream, mlpHalf(stream, block))
    }
    return norm(stream, "model.norm.weight")
  }

  private mutating func attentionHalf(_ stream: [[Double]], _ block: String) -> [[Double]] {
    let input = quantized(norm(stream, block + "input_layernorm.weight"))
    let attention = block + "self_attn."
    let heads = configuration.numAttentionHeads
    let queries = rotated(
      normedHeads(project(input, attention + "q_proj"), attention + "q_norm.weight"))
    let keys = rotated(
      normedHeads(project(input, attention + "k_proj"), attention + "k_norm.weight"))
    let values = split(project(input, attention + "v_proj"))
    let groups = heads / configuration.numKeyValueHeads
    let outputs = (0..<heads).map { head in
      ReferenceOperations.attention(
        queries: queries[head], keys: keys[head / groups], values: values[head / groups])
    }
    var attended = stream.indices.map { position in outputs.flatMap { $0[position] } }
    if configuration.subNorm {
      attended = norm(attended, attention + "attn_sub_norm.weight")
    }
    return project(quantized(turned(attended)), attention + "o_proj")
  }

  private mutating func mlpHalf(_ stream: [[Double]], _ block: String) -> [[Double]] {
    let input = quantized(norm(stream, block + "post_attention_layernorm.weight"))
    let gates = project(input, block + "mlp.gate_proj")
    let ups = project(input, block + "mlp.up_proj")
    var products = zip(gates, ups).map { gates, ups in
      zip(gates, ups).map {
        ReferenceOperations.gated(configuration.hiddenAct, gate: $0, up: $1)
      }
    }
    if configuration.subNorm { products = norm(products, block + "mlp.ffn_sub_norm.weight") }
    return project(quantized(turned(products)), block + "mlp.down_proj")
  }

  private subscript(name: String) -> [Double] {
    guard let tensor = tensors[name] else { preconditionFailure("no tensor \(name)") }
    return tensor
  }

  private func sum(_ left: [[Double]], _ right: [[Double]]) -> [[Double]] {
    zip(left, right).map { zip($0, $1).map { $0 + $1 } }
  }

  private func norm(_ rows: [[Double]], _ name: String) -> [[Double]] {
    rows.map {
      ReferenceOperations.rmsNorm($0, gain: self[name], epsilon: configuration.rmsNormEps)
    }
  }

  /// `[T][heads * D]` as `[heads][T][D]`.
  private func split(_ rows: [[Double]]) -> [[[Double]]] {
    let dimension = configuration.headDim
    return stride(from: 0, to: rows[0].count, by: dimension).map { first in
      rows.map { Array($0[first..<first + dimension]) }
    }
  }

  private func normedHeads(_ rows: [[Double]], _ name: String) -> [[[Double]]] {
    configuration.qkNorm ? split(rows).map { norm($0, name) } : split(rows)
  }

  private func rotated(_ heads: [[[Double]]]) -> [[[Double]]] {
    heads.map { head in
      head.enumerated().map { ReferenceOperations.rotate($1, position: $0, by: rotary) }
    }
  }

  private func turned(_ rows: [[Double]]) -> [[Double]] {
    configuration.usesHadamard && activationBits != nil
      ? rows.map(ReferenceOperations.hadamard) : rows
  }

  private mutating func quantized(_ rows: [[Double]]) -> [[Double]] {
    guard let activationBits else { return rows }
    return rows.map { row in
      round(row) {
        activationBits == .eight
          ? ReferenceOperations.eightBits($0) : ReferenceOperations.fourBits($0)
      }
    }
  }

  private mutating func project(_ rows: [[Double]], _ name: String) -> [[Double]] {
    let latent = self[name + ".weight"]
    let weights =
      configuration.quantization == .ternary
      ? round(latent, ReferenceOperations.ternary) : latent
    return rows.map {
      ReferenceOperations.project($0, weights, bias: tensors[name + ".bias"])
    }
  }

  private mutating func round(_ x: [Double], _ quantize: ([Double]) -> [Double]) -> [Double] {
    func mixed() -> [Double] {
      zip(x, quantize(x)).map { (1 - quantizationStrength) * $0 + quantizationStrength * $1 }
    }
    switch rounding {
    case .exact:
      return mixed()
    case .recording:
      let result = mixed()
      offsets.append(zip(result, x).map { $0 - $1 })
      return result
    case .replaying:
      defer { nextOffset += 1 }
      return zip(x, offsets[nextOffset]).map { $0 + $1 }
    }
  }
}
