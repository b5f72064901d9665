// The order of a step. Forward: embedding, then per block norm - q, k, v - (QK-norm) - RoPE -
// attention - (SubLN) - o_proj - norm - gate, up - product - (SubLN) - down_proj (see
// TransformerBlock.swift), then the final norm. The head belongs to the loss, not to this file.
// Backward: the same operations from the last to the first. There is no tape: every operation's
// forward saves what its own backward needs, in BlockActivations.
//
// The sums of the residual stream happen inside the norm that reads them, and quantizing happens
// inside the operation that writes a projection's input (ProjectionInput.fill).

package import Kernels

/// Everything that a step saves or scratches, as pieces of one arena.
struct TransformerActivations {
  /// Of every block; without training they are all the same memory.
  let blocks: [BlockActivations]
  /// The residual stream behind the last block, `[N, d]`, and the final norm's inverse roots.
  let last: UnsafeMutablePointer<Float>
  let lastInverseRMS: UnsafeMutablePointer<Float>
  /// The result, `[N, d]`.
  let hidden: UnsafeMutablePointer<Float>
  let scratch: Scratch
  /// Bytes of all but the scratch.
  let savedBytes: Int

  /// - Parameter rows: N, at most.
  init(
    _ configuration: ModelConfiguration, rows: Int, isTraining: Bool, arena: inout Arena
  ) {
    var blocks: [BlockActivations] = []
    for _ in 0..<(isTraining ? configuration.numHiddenLayers : 1) {
      blocks.append(
        BlockActivations(configuration, rows: rows, arena: &arena))
    }
    if !isTraining {
      blocks = Array(repeating: blocks[0], count: configuration.numHiddenLayers)
    }
    self.blocks = blocks
    last = arena.take(rows * configuration.hiddenSize)
    lastInverseRMS = arena.take(rows)
    hidden = arena.take(rows * configuration.hiddenSize)
    savedBytes = arena.bytes
    scratch = Scratch(configuration, rows: rows, isTraining: isTraining, arena: &arena)
  }
}

/// A decoder-only transformer: forward with saved activations, and the hand-written backward.
///
/// Everything it needs is allocated by `init`; a step allocates nothing. One step at a time.
package final class Transformer {
  package let configuration: ModelConfiguration
  package let parameters: Parameters
  package let gradients: Parameters?
  package let maximumSequences: Int
  package let maximumLength: Int
  /// How products of floats round their operands.
  package let precision: ProductPrecision
  /// How many bits a quantized activation has; nil in full precision. May change between steps.
  package var activationBits: ActivationBits? {
    didSet {
      precondition(
        (activationBits != nil) == (configuration.quantization == .ternary),
        "activations have bits exactly when the projections are ternary")
    }
  }

  /// Every operation ends a lap here; `begin` is its owner's, who also times what the model does not do.
  package let profiler = StepProfiler()

  private let team: ComputeTeam
  private let loops: TransformerLoops
  private let embedding: Embedding
  private let blocks: [TransformerBlock]
  private let finalNorm: RMSNorm
  private let memory: AlignedBuffer<UInt8>
  private let activations: TransformerActivations
  private var lastBatch: TokenBatch?

  /// Bytes that this object and the team hold for its steps; not the parameters or gradients.
  package let workingBytes: Int

  /// A model over `parameters`, which the caller may change between steps.
  ///
  /// - Parameters:
  ///   - parameters: of `ParameterLayout(configuration)`.
  ///   - gradients: where `backward` adds, of the same layout; nil for a model that only predicts.
  ///   - maximumSequences: B, at most; `maximumLength`: T, at most.
  /// - Throws: every field of the configuration that cannot be.
  package init(
    configuration: ModelConfiguration, parameters: Parameters, gradients: Parameters?,
    maximumSequences: Int, maximumLength: Int, precision: ProductPrecision = .fp32,
    team: ComputeTeam = .shared, loops: TransformerLoops = .init()
  ) throws(ModelConfigurationError) {
    self.configuration = try configuration.validated()
    let layout = ParameterLayout(configuration)
    precondition(
      parameters.layout == layout && gradients.map { $0.layout == layout } ?? true,
      "parameters and gradients must have the configuration's layout")
    self.parameters = parameters
    self.gradients = gradients
    self.maximumSequences = maximumSequences
    self.maximumLength = maximumLength
    self.precision = precision
    self.team = team
    self.loops = loops
    activationBits = configuration.quantization == .ternary ? .eight : nil
    let factory = OperationFactory(
      configuration: configuration, parameters: parameters, gradients: gradients)
    let rope = RoPE(configuration, maximumLength: maximumLength)
    embedding = factory.embedding()
    blocks = (0..<configuration.numHiddenLayers).map { factory.block($0, rope: rope) }
    finalNorm = factory.norm("model.norm.weight")

    let rows = maximumSequences * maximumLength
    var measuring = Arena.measuring
    _ = TransformerActivations(
      configuration, rows: rows, isTraining: gradients != nil, arena: &measuring)
    memory = AlignedBuffer(count: measuring.bytes)
    workingBytes =
      measuring.bytes + layout.ternaryBytes
      + RoPE.tableBytes(configuration, maximumLength: maximumLength)
      + team.threadCount
      * Self.workerScratchBytes(configuration, length: maximumLength, loops: loops)
    var arena = Arena(in: memory)
    activations = TransformerActivations(
      configuration, rows: rows, isTraining: gradients != nil, arena: &arena)
  }

  /// The weights of the head, `[V, d]`: the embedding's when they are tied.
  package var headWeights: UnsafePointer<Float> {
    UnsafePointer(parameters.values) + headOffset
  }

  /// Where the head's gradient is added, `[V, d]`; nil for a model that only predicts.
  package var headGradients: UnsafeMutablePointer<Float>? {
    gradients.map { $0.values + headOffset }
  }

  private var headOffset: Int {
    let view =
      parameters.layout["lm_head.weight"] ?? parameters.layout["model.embed_tokens.weight"]
    return view?.offset ?? 0
  }

  /// Packs the trits of all projections. After the parameters changed, before `forward`; needless in
  /// full precision.
  package func quantizeWeights() {
    for block in blocks {
      for projection in block.projections { projection.quantizeWeights(team: team) }
    }
    // Two readings of the floats, for the scale and for the trits.
    profiler.lap(
      .quantizeWeights,
      bytes: 9 * parameters.layout.views.filter(\.isTernary).reduce(0) { $0 + $1.count })
  }

  /// The final-normed hidden state of every position, `[B * T, d]`, valid until the next step. Rows
  /// of padded positions hold finite numbers without a meaning.
  ///
  /// - Parameter batch: at most `maximumSequences` by `maximumLength`, token ids below V.
  package func forward(_ batch: TokenBatch) -> UnsafePointer<Float> {
    precondition(
      batch.sequences * batch.length <= maximumSequences * maximumLength
        && batch.length <= maximumLength,
      "the batch [\(batch.sequences), \(batch.length)] is larger than the arena")
    precondition(
      batch.tokens.allSatisfy { $0 >= 0 && $0 < configuration.vocabSize },
      "token ids must be in 0 ..< \(configuration.vocabSize)")
    lastBatch = batch
    let step = step(for: batch)
    let scratch = activations.scratch
    embedding.forward(batch.tokens, into: activations.blocks[0].input, step: step)
    profiler.lap(.embedding, bytes: 8 * step.rows * configuration.hiddenSize)
    var stream: UnsafeMutablePointer<Float>?
    for (block, saved) in zip(blocks, activations.blocks) {
      block.forward(stream: stream, saved: saved, scratch: scratch, step: step)
      stream = saved.middle
    }
    guard let stream else { preconditionFailure("a model has at least one block") }
    team.parallelRows(step.rows, grain: 8) { rows in
      finalNorm.forward(
        stream, addend: scratch.branch, sum: activations.last, rows: rows,
        normed: activations.hidden + rows.lowerBound * finalNorm.width,
        inverseRMS: activations.lastInverseRMS, loops: loops)
    }
    profiler.lap(.finalNorm, bytes: 16 * step.rows * configuration.hiddenSize)
    return UnsafePointer(activations.hidden)
  }

  /// Adds the gradients of all parameters but the head's product to `gradients`.
  ///
  /// - Parameter hiddenGradient: the loss's gradient by what the last `forward` gave, `[B * T, d]`,
  ///   zero in rows of padded positions.
  package func backward(hiddenGradient: UnsafePointer<Float>) {
    guard let batch = lastBatch else { preconditionFailure("backward follows a forward pass") }
    let step = step(for: batch)
    let scratch = activations.scratch
    finalNorm.backward(
      hiddenGradient, x: activations.last, inverseRMS: activations.lastInverseRMS,
      rows: step.rows, dx: scratch.dstream, .set, scratch: scratch.sums, step: step)
    profiler.lap(.finalNormBackward, bytes: 12 * step.rows * configuration.hiddenSize)
    for (block, saved) in zip(blocks, activations.blocks).reversed() {
      block.backward(saved: saved, scratch: scratch, step: step)
    }
    embedding.backward(scratch.dstream, tokens: batch.tokens, step: step)
    profiler.lap(.embeddingBackward, bytes: 12 * step.rows * configuration.hiddenSize)
  }

  private func step(for batch: TokenBatch) -> Step {
    Step(
      sequences: batch.sequences, length: batch.length, lengths: batch.lengths,
      precision: precision, activationBits: activationBits,
      loops: loops, team: team, profiler: profiler)
  }
}
