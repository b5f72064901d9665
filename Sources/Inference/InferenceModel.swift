package import Kernels
package import Transformer

/// A model in the form that runs fast: ternary projections at 1.6 bits, the rest as stored. It does
/// not change, so several sessions may share it.
// Unchecked: all is written by `init` and only read afterwards, but for `activationBits`, which its
// owner sets between runs.
package final class InferenceModel: @unchecked Sendable {
  package let configuration: ModelConfiguration
  /// How many bits a quantized activation has; nil in full precision. May change between runs.
  package var activationBits: ActivationBits? {
    didSet {
      precondition(
        (activationBits != nil) == (configuration.quantization == .ternary),
        "activations have bits exactly when the projections are ternary")
    }
  }

  let embedding: DenseWeights
  /// The embedding, when they are tied.
  let head: DenseWeights
  let blocks: [InferenceBlock]
  let finalGain: [Float]

  init(
    configuration: ModelConfiguration, embedding: DenseWeights, head: DenseWeights?,
    blocks: [InferenceBlock], finalGain: [Float]
  ) {
    self.configuration = configuration
    self.embedding = embedding
    self.head = head ?? embedding
    self.blocks = blocks
    self.finalGain = finalGain
    activationBits = configuration.quantization == .ternary ? .eight : nil
  }

  /// Packs trained parameters: trits and scales as training's forward pass has them.
  ///
  /// - Parameter parameters: of `ParameterLayout(configuration)`; copied, may go away afterwards.
  /// - Parameter storage: how full-precision projections are kept.
  /// - Parameter embeddings: how embedding and head are kept; nil: as `storage` says.
  /// - Throws: every field of the configuration that cannot be.
  package convenience init(
    configuration: ModelConfiguration, parameters: Parameters,
    storage: DenseWeights.Storage = .bf16, embeddings: DenseWeights.Storage? = nil,
    team: ComputeTeam = .shared
  ) throws(ModelConfigurationError) {
    let configuration = try configuration.validated()
    precondition(
      parameters.layout == ParameterLayout(configuration),
      "the parameters must have the configuration's layout")
    self.init(
      configuration,
      from: ParameterSource(
        parameters: parameters, projections: storage, embeddings: embeddings ?? storage,
        team: team))
  }

  /// A model of random weights, straight in packed form: the float weights never exist. Gains are 1.
  ///
  /// - Parameters: as in `init(configuration:parameters:storage:embeddings:team:)`.
  /// - Throws: every field of the configuration that cannot be.
  package static func random(
    configuration: ModelConfiguration, seed: UInt64, storage: DenseWeights.Storage = .bf16,
    embeddings: DenseWeights.Storage? = nil, team: ComputeTeam = .shared
  ) throws(ModelConfigurationError) -> InferenceModel {
    let configuration = try configuration.validated()
    let source = RandomSource(
      configuration: configuration, seed: seed, projections: storage,
      embeddings: embeddings ?? storage, team: team)
    let (vocabulary, width) = (configuration.vocabSize, configuration.hiddenSize)
    return InferenceModel(
      configuration: configuration,
      embedding: source.embedding(rows: vocabulary, columns: width, deviation: 1, index: 0),
      head: configuration.tieWordEmbeddings
        ? nil
        : source.embedding(
          rows: vocabulary, columns: width, deviation: 1 / Float(width).squareRoot(), index: 1),
      blocks: (0..<configuration.numHiddenLayers).map { source.block($0) },
      finalGain: [Float](repeating: 1, count: width))
  }

  /// Bytes of the head, which is the embedding when they are tied: what decoding reads of the two.
  package var headBytes: Int { head.byteCount }

  /// What the weights take, as they lie in memory.
  package var bytes: ModelBytes {
    ModelBytes(
      projections: blocks.flatMap(\.projections).reduce(0) { $0 + $1.byteCount },
      embeddings: embedding.byteCount + (head === embedding ? 0 : head.byteCount),
      norms: 4
        * (blocks.flatMap(\.gains).reduce(0) { $0 + $1.count }
          + blocks.flatMap(\.projections).reduce(0) { $0 + ($1.bias?.count ?? 0) }
          + finalGain.count))
  }
}

/// Makes tensors of random numbers; every tensor's depend on the seed and its place only.
private struct RandomSource {
  let configuration: ModelConfiguration
  let seed: UInt64
  let projections: DenseWeights.Storage
  let embeddings: DenseWeights.Storage
  let team: ComputeTeam

  func embedding(rows: Int, columns: Int, deviation: Float, index: UInt64) -> DenseWeights {
    DenseWeights(
      randomRows: rows, columns: columns, deviation: deviation, seed: mixed(index),
      storage: embeddings, team: team)
  }

  func block(_ index: Int) -> InferenceBlock {
    let (width, inner) = (configuration.hiddenSize, configuration.intermediateSize)
    let (queries, keysAndValues) = (configuration.queryWidth, configuration.keyValueWidth)
    let ones = { (count: Int) in [Float](repeating: 1, count: count) }
    var place = UInt64(2 + index * 7)
    func next(_ rows: Int, _ columns: Int, bias: Bool = false) -> Projection {
      defer { place += 1 }
      let weights: Projection.Weights =
        switch configuration.quantization {
        case .ternary:
          // Two thirds of the trits are not zero: this keeps the variance of what passes.
          .packed(
            PackedTernary(
              randomRows: rows, columns: columns, scale: (1.5 / Float(columns)).squareRoot(),
              seed: mixed(place), team: team))
        case .none:
          .dense(
            DenseWeights(
              randomRows: rows, columns: columns, deviation: 1 / Float(columns).squareRoot(),
              seed: mixed(place), storage: projections, team: team))
        }
      return Projection(weights: weights, bias: bias ? [Float](repeating: 0, count: rows) : nil)
    }
    let bias = configuration.attentionBias
    return InferenceBlock(
      attentionGain: ones(width), query: next(queries, width, bias: bias),
      key: next(keysAndValues, width, bias: bias), value: next(keysAndValues, width, bias: bias),
      queryGain: configuration.qkNorm ? ones(configuration.headDim) : nil,
      keyGain: configuration.qkNorm ? ones(configuration.headDim) : nil,
      attendedGain: configuration.subNorm ? ones(queries) : nil,
      output: next(width, queries, bias: configuration.outputBias),
      mlpGain: ones(width), gate: next(inner, width, bias: configuration.mlpBias),
      up: next(inner, width, bias: configuration.mlpBias),
      productGain: configuration.subNorm ? ones(inner) : nil,
      down: next(width, inner, bias: configuration.mlpBias))
  }

  private func mixed(_ index: UInt64) -> UInt64 { seed &+ index &* 0xD1B5_4A32_D192_ED03 }
}
