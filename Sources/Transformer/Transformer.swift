// The order of a step. Forward: embedding, then per block norm - q, k, v - (QK-norm) - RoPE -
// attention - (SubLN) - o_proj - norm - gate, up - product - (SubLN) - down_proj (see
// TransformerBlock.swift), then the final norm. The head belongs to the loss, not to this file.
// Backward: the same operations from the last to the first. There is no tape: every operation's
// forward saves what its own backward needs, in BlockActivations, or as ActivationStorage says: rounded
// to bf16, or computed again block by block in the backward pass. Each operation ends a lap of the
// StepProfiler, which therefore lists them in this order.
//
// The sums of the residual stream happen inside the norm that reads them, and quantizing happens
// inside the operation that writes a projection's input (ProjectionInput.fill).

package import Kernels

/// Everything that a step saves or scratches, as pieces of one arena.
struct TransformerActivations {
  /// Of every block; what of it blocks share is `ActivationStorage`'s to say. Without training they
  /// are all the same memory.
  let blocks: [BlockActivations]
  /// The residual stream behind the last block, `[N, d]`, and the final norm's inverse roots.
  let last: UnsafeMutablePointer<Float>
  let lastInverseRMS: UnsafeMutablePointer<Float>
  /// The result, `[N, d]`.
  let hidden: UnsafeMutablePointer<Float>
  /// The trits of every ternary matrix, `TernaryWeights.byteCount` bytes each.
  let trits: [String: UnsafeMutablePointer<UInt8>]
  let scratch: Scratch
  /// What is left of the lent memory, for the time until the backward pass.
  let spare: (base: UnsafeMutableRawPointer?, bytes: Int)
  /// Bytes of the arena that hold trits, and those that hold everything else but the scratch.
  let tritBytes: Int
  let savedBytes: Int

  /// - Parameters:
  ///   - rows: N, at most.
  ///   - lent: where all but the scratch goes first, as long as it reaches.
  init(
    _ configuration: ModelConfiguration, rows: Int, isTraining: Bool,
    storage: ActivationStorage = .fp32, lent: LentGradients? = nil, arena: inout Arena
  ) {
    let layout = ParameterLayout(configuration)
    var trits: [String: UnsafeMutablePointer<UInt8>] = [:]
    var tritBytes = 0
    func begin(_ block: Int) {
      if let lent { arena.borrow(lent.range(until: block), of: lent.base) }
      let before = arena.bytes
      for view in layout.views[layout.blocks[block]] where view.isTernary {
        trits[view.name] = arena.take(
          TernaryWeights.byteCount(rows: view.shape[0], columns: view.shape[1]))
      }
      tritBytes += arena.bytes - before
    }
    begin(0)
    // What all blocks share is needed until the first block's backward pass is over.
    let shared = WideActivations(configuration, rows: rows, arena: &arena)
    let first = BlockActivations(
      configuration, rows: rows, wide: shared, isRounded: isTraining && storage == .bf16,
      arena: &arena)
    var blocks = [first]
    for block in 1..<configuration.numHiddenLayers {
      begin(block)
      switch isTraining ? storage : nil {
      case nil:
        blocks.append(first)
      case .fp32:
        let own = WideActivations(configuration, rows: rows, arena: &arena)
        blocks.append(BlockActivations(configuration, rows: rows, wide: own, arena: &arena))
      case .bf16:
        blocks.append(
          BlockActivations(
            configuration, rows: rows, wide: shared, isRounded: true, arena: &arena))
      case .recomputed:
        blocks.append(first.with(input: arena.take(rows * configuration.hiddenSize)))
      }
    }
    self.blocks = blocks
    self.trits = trits
    self.tritBytes = tritBytes
    if let lent {
      arena.borrow(lent.range(until: configuration.numHiddenLayers), of: lent.base)
    }
    last = arena.take(rows * configuration.hiddenSize)
    lastInverseRMS = arena.take(rows)
    hidden = arena.take(rows * configuration.hiddenSize)
    savedBytes = arena.bytes - tritBytes
    spare = arena.borrowedRest
    arena.borrow(0..<0, of: nil)
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
  /// How what the backward pass needs is kept.
  package let storage: ActivationStorage
  /// Whether what a step computes with lies in the gradients' memory.
  package let gradientMemory: GradientMemory
  /// How many bits a quantized activation has; nil in full precision. May change between steps.
  package var activationBits: ActivationBits? {
    didSet {
      precondition(
        (activationBits != nil) == (configuration.quantization == .ternary),
        "activations have bits exactly when the projections are ternary")
    }
  }

  /// λ of the steps from now on: how much of the quantizers' rounding counts, 0 ... 1, in floats
  /// (QuantizationMixing.swift); nil: all of it, in integers. Memory for it is there as long as it is
  /// not nil. May change between steps of a model with ternary projections.
  package var quantizationStrength: Float? {
    didSet {
      precondition(
        quantizationStrength.map { 0 <= $0 && $0 <= 1 } ?? true, "a strength is in 0 ... 1")
      precondition(
        quantizationStrength == nil || configuration.quantization == .ternary,
        "only ternary projections are quantized")
      if quantizationStrength == nil {
        mixingMemory = nil
      } else if mixingMemory == nil {
        mixingMemory = MixingMemory(parameters.layout, inputCount: inputCount)
      }
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
  private var mixingMemory: MixingMemory?
  /// Floats of all projections' inputs.
  private let inputCount: Int
  private var lastBatch: TokenBatch?
  /// Whether the last block's activations are still those of the forward pass: where they are computed
  /// again, all blocks use the same memory.
  private var lastBlockIsFilled = false
  /// Whether the trits are those of the weights as they were at the last `quantizeWeights`.
  private var tritsArePacked = true

  /// Bytes that this object and the team hold for its steps; not the parameters or gradients.
  package let workingBytes: Int

  /// A model over `parameters`, which the caller may change between steps.
  ///
  /// - Parameters:
  ///   - parameters: of `ParameterLayout(configuration)`.
  ///   - gradients: where `backward` adds, of the same layout; nil for a model that only predicts.
  ///   - maximumSequences: B, at most; `maximumLength`: T, at most.
  ///   - gradientMemory: whether they are anybody else's, too.
  /// - Throws: every field of the configuration that cannot be.
  package init(
    configuration: ModelConfiguration, parameters: Parameters, gradients: Parameters?,
    maximumSequences: Int, maximumLength: Int, precision: ProductPrecision = .fp32,
    storage: ActivationStorage = .fp32, gradientMemory: GradientMemory = .own,
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
    self.storage = storage
    self.gradientMemory = gradientMemory
    self.team = team
    self.loops = loops
    activationBits = configuration.quantization == .ternary ? .eight : nil
    let rows = maximumSequences * maximumLength
    let lent =
      gradientMemory == .lent ? gradients.map { LentGradients(layout, base: $0.values) } : nil
    var measuring = Arena.measuring
    _ = TransformerActivations(
      configuration, rows: rows, isTraining: gradients != nil, storage: storage, lent: lent,
      arena: &measuring)
    memory = AlignedBuffer(count: measuring.bytes)
    workingBytes =
      measuring.bytes + RoPE.tableBytes(configuration, maximumLength: maximumLength)
      + team.threadCount
      * Self.workerScratchBytes(configuration, length: maximumLength, loops: loops)
    var arena = Arena(in: memory)
    activations = TransformerActivations(
      configuration, rows: rows, isTraining: gradients != nil, storage: storage, lent: lent,
      arena: &arena)
    inputCount = arena.countAside

    let factory = OperationFactory(
      configuration: configuration, parameters: parameters, gradients: gradients,
      trits: activations.trits)
    let rope = RoPE(configuration, maximumLength: maximumLength)
    embedding = factory.embedding()
    blocks = (0..<configuration.numHiddenLayers).map { factory.block($0, rope: rope) }
    finalNorm = factory.norm("model.norm.weight")
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

  /// Memory of `count` floats that may be used between a forward pass and its backward pass; nil when
  /// the gradients' memory is not lent, or has no room left.
  package func memoryUntilBackward(count: Int) -> UnsafeMutablePointer<Float>? {
    let spare = activations.spare
    guard count * MemoryLayout<Float>.stride <= spare.bytes else { return nil }
    return spare.base?.bindMemory(to: Float.self, capacity: count)
  }

  /// Packs the trits of all projections. After the parameters changed, before `forward`; needless in
  /// full precision.
  ///
  /// Where they lie in lent memory, the next forward pass does it, so that the gradients are there until
  /// then.
  package func quantizeWeights() {
    if gradientMemory == .lent {
      tritsArePacked = false
    } else {
      packTrits()
    }
  }

  private func packTrits() {
    for block in blocks {
      for projection in block.projections { projection.quantizeWeights(team: team) }
    }
    tritsArePacked = true
    // Two readings of the floats, for the scale and for the trits.
    profiler.lap(
      .quantizeWeights,
      bytes: 9 * parameters.layout.views.filter(\.isTernary).reduce(0) { $0 + $1.count })
  }

  /// The final-normed hidden state of every position, `[B * T, d]`, valid until `backward`. Rows
  /// of padded positions hold finite numbers without a meaning.
  ///
  /// - Parameters:
  ///   - batch: at most `maximumSequences` by `maximumLength`, token ids below V.
  ///   - attention: called after each block, from the first on.
  package func forward(
    _ batch: TokenBatch, attention: ((_ layer: Int, _ vectors: AttentionVectors) -> Void)? = nil
  ) -> UnsafePointer<Float> {
    precondition(
      batch.sequences * batch.length <= maximumSequences * maximumLength
        && batch.length <= maximumLength,
      "the batch [\(batch.sequences), \(batch.length)] is larger than the arena")
    precondition(
      batch.tokens.allSatisfy { $0 >= 0 && $0 < configuration.vocabSize },
      "token ids must be in 0 ..< \(configuration.vocabSize)")
    if !tritsArePacked { packTrits() }
    lastBatch = batch
    lastBlockIsFilled = true
    let step = step(for: batch)
    let scratch = activations.scratch
    embedding.forward(batch.tokens, into: activations.blocks[0].input, step: step)
    step.lap(
      .embedding, passes: 2, over: activations.blocks[0].input, width: configuration.hiddenSize)
    var stream: UnsafeMutablePointer<Float>?
    for (layer, (block, saved)) in zip(blocks, activations.blocks).enumerated() {
      profiler.layer = layer
      block.forward(stream: stream, saved: saved, scratch: scratch, step: step)
      if let attention {
        attention(layer, block.attentionVectors(saved))
        profiler.lap(.attentionRelations)
      }
      if let rounded = saved.rounded {
        rounded.store(step: step)
        profiler.lap(.storeActivations)
      }
      stream = saved.middle
    }
    profiler.layer = nil
    guard let stream else { preconditionFailure("a model has at least one block") }
    team.parallelRows(step.rows, grain: 8) { rows in
      finalNorm.forward(
        stream, addend: scratch.branch, sum: activations.last, rows: rows,
        normed: activations.hidden + rows.lowerBound * finalNorm.width,
        inverseRMS: activations.lastInverseRMS, loops: loops)
    }
    step.lap(.finalNorm, passes: 4, over: activations.hidden, width: configuration.hiddenSize)
    return UnsafePointer(activations.hidden)
  }

  /// Leaves the gradients of all parameters but the head's product in `gradients`. May be called again
  /// for the same forward pass, unless the gradients' memory is lent.
  ///
  /// - Parameters:
  ///   - hiddenGradient: the loss's gradient by what the last `forward` gave, `[B * T, d]`, zero in
  ///     rows of padded positions.
  ///   - writing: whether the gradients are added to what is there, or replace it, as is meant for the
  ///     first micro-batch of a step. The head's are the loss's to set, before.
  ///   - attention: called in each layer, from the last on, when the gradients that come through its
  ///     attention are known; it may add to them. The vectors are those of the forward pass; where
  ///     activations are stored as bf16, rounded.
  package func backward(
    hiddenGradient: UnsafePointer<Float>, _ writing: GradientWriting = .add,
    attention: (
      (_ layer: Int, _ vectors: AttentionVectors, _ gradients: AttentionGradients) -> Void
    )? = nil
  ) {
    guard let batch = lastBatch else { preconditionFailure("backward follows a forward pass") }
    precondition(
      gradientMemory == .own || writing == .set, "gradients whose memory is lent are set")
    if gradientMemory == .lent { tritsArePacked = false }
    let step = step(for: batch, weightGradients: writing)
    if writing == .set { clearSummedGradients(of: parameters.layout.viewsAfterBlocks) }
    let scratch = activations.scratch
    finalNorm.backward(
      hiddenGradient, x: activations.last, inverseRMS: activations.lastInverseRMS,
      rows: step.rows, dx: scratch.dstream, .set, scratch: scratch.sums, step: step)
    step.lap(
      .finalNormBackward, passes: 3, over: scratch.dstream, width: configuration.hiddenSize)
    backward(fromLayer: blocks.count - 1, of: batch, step: step, attention: attention)
  }

  /// The gradients of a term that is about attention vectors of `layer` and those before it only, and
  /// not about the hidden state: what is behind `layer` is not gone through. Otherwise as
  /// `backward(hiddenGradient:_:attention:)`.
  ///
  /// - Parameter writing: `.set` zeros first all gradients that there are, the head's as well.
  package func backward(
    fromLayer layer: Int, _ writing: GradientWriting = .add,
    attention:
      @escaping (
        _ layer: Int, _ vectors: AttentionVectors, _ gradients: AttentionGradients
      ) -> Void
  ) {
    guard let batch = lastBatch else { preconditionFailure("backward follows a forward pass") }
    precondition(blocks.indices.contains(layer), "there are \(blocks.count) layers")
    precondition(gradientMemory == .own, "what a step computes with lies in the gradients' memory")
    if writing == .set, let gradients {
      gradients.values.update(repeating: 0, count: gradients.layout.count)
    }
    let step = step(for: batch)
    activations.scratch.dstream.update(
      repeating: 0, count: step.rows * configuration.hiddenSize)
    profiler.lap(.clearGradients)
    backward(fromLayer: layer, of: batch, step: step, attention: attention)
  }

  /// The way from the gradient of the residual stream behind `layer`, in the scratch, to the embedding.
  private func backward(
    fromLayer layer: Int, of batch: TokenBatch, step: Step,
    attention: ((Int, AttentionVectors, AttentionGradients) -> Void)?
  ) {
    let scratch = activations.scratch
    for layer in (0...layer).reversed() {
      let (block, saved) = (blocks[layer], activations.blocks[layer])
      profiler.layer = layer
      if storage == .recomputed, layer < blocks.count - 1 || !lastBlockIsFilled {
        block.fillActivations(stream: nil, saved: saved, scratch: scratch, step: step)
      }
      lastBlockIsFilled = false
      if step.weightGradients == .set {
        // Not before: what the blocks behind compute with may have been there.
        clearSummedGradients(of: parameters.layout.blocks[layer])
      }
      if let rounded = saved.rounded {
        rounded.restore(step: step)
        profiler.lap(.restoreActivations)
      }
      block.backward(
        saved: saved, scratch: scratch, step: step,
        addAttentionGradients: attention.map { add in { add(layer, $0, $1) } })
    }
    profiler.layer = nil
    if step.weightGradients == .set, parameters.layout["lm_head.weight"] != nil {
      clearSummedGradients(of: 0..<1)
    }
    embedding.backward(scratch.dstream, tokens: batch.tokens, step: step)
    step.lap(
      .embeddingBackward, passes: 3, over: scratch.dstream, width: configuration.hiddenSize)
  }

  /// Zeros the gradients that are sums over rows: gains, biases, and an embedding that is not the head
  /// as well. Those of matrices are products, which set what they write, all but the gap behind it.
  private func clearSummedGradients(of views: Range<Int>) {
    guard let gradients else { return }
    var count = 0
    for view in gradients.layout.views[views] {
      let isProduct = view.isMatrix && view.name != "model.embed_tokens.weight"
      let first = isProduct ? view.count : 0
      (gradients.values + view.offset + first).update(
        repeating: 0, count: view.paddedCount - first)
      count += view.paddedCount - first
    }
    profiler.lap(.clearGradients, bytes: count * MemoryLayout<Float>.stride)
  }

  private func step(
    for batch: TokenBatch, weightGradients: GradientWriting = .add
  ) -> Step {
    Step(
      sequences: batch.sequences, length: batch.length, lengths: batch.lengths,
      precision: precision, activationBits: activationBits,
      weightGradients: weightGradients, loops: loops, team: team, profiler: profiler,
      mixing: quantizationStrength.flatMap { mixingMemory?.mixing($0) })
  }
}
