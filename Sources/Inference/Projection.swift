internal import Kernels

/// One projection of a block, y = x Wᵀ (+ bias): ternary at 1.6 bits a weight, or in full precision.
struct Projection {
  enum Weights {
    case packed(PackedTernary)
    case dense(DenseWeights)
  }

  let weights: Weights
  /// `[outputs]`.
  let bias: [Float]?

  /// Inputs.
  var inputs: Int {
    switch weights {
    case .packed(let weights): weights.columns
    case .dense(let weights): weights.columns
    }
  }

  /// Outputs.
  var outputs: Int {
    switch weights {
    case .packed(let weights): weights.rows
    case .dense(let weights): weights.rows
    }
  }

  var byteCount: Int {
    switch weights {
    case .packed(let weights): weights.byteCount
    case .dense(let weights): weights.byteCount
    }
  }
}

/// The weights of one block, in the order in which they are used.
struct InferenceBlock {
  let attentionGain: [Float]
  let query: Projection
  let key: Projection
  let value: Projection
  /// QK-norm's gains, `[D]`.
  let queryGain: [Float]?
  let keyGain: [Float]?
  /// SubLN's gain on the input of `output`.
  let attendedGain: [Float]?
  let output: Projection
  let mlpGain: [Float]
  let gate: Projection
  let up: Projection
  /// SubLN's gain on the input of `down`.
  let productGain: [Float]?
  let down: Projection

  var projections: [Projection] { [query, key, value, output, gate, up, down] }
  var gains: [[Float]] {
    [attentionGain, mlpGain] + [queryGain, keyGain, attendedGain, productGain].compactMap(\.self)
  }
}
