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
  /// Whether the backward pass finds a block's activations overwritten by those of another, and
  /// computes them again from its input.
  let isRecomputed: [Bool]
  /// The residual stream behind the last block, `[N, d]`, and the final norm's inverse roots.
  let last: UnsafeMutablePointer<Float>
  let lastInverseRMS: UnsafeMutablePointer<Float>
  /// The result, `[N, d]`.
  let hidden: UnsafeMutablePointer<Float>
  /// The trits of every ternary matrix, `TernaryWeights.byteCount` bytes each.
  let trits: [String: UnsafeMutablePointer<UInt8>]
  let scratch: Scratch
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
    let ownBytes = Self.blockBytes(configuration, rows: rows)
    var blocks: [BlockActivations] = []
    var isRecomputed: [Bool] = []
    // What blocks use in turn: all of a block's memory, or the wide matrices of it.
    var shared: BlockActivations?
    var sharedWide: WideActivations?
    for block in 0..<configuration.numHiddenLayers {
      if let lent { arena.borrow(lent.range(until: block), of: lent.base) }
      let before = arena.bytes
      for view in layout.views[layout.blocks[block]] where view.isTernary {
        trits[view.name] = arena.take(
          TernaryWeights.byteCount(rows: view.shape[0], columns: view.shape[1]))
      }
      tritBytes += arena.bytes - before
      switch isTraining ? storage : .recomputed {
      case .recomputed where !isTraining || arena.borrowedRest < ownBytes:
        let all =
          shared
          ?? BlockActivations(
            configuration, rows: rows,
            wide: WideActivations(configuration, rows: rows, arena: &arena), arena: &arena)
        // The first of them in a training gives its own input to the others' memory.
        let isFirst = shared == nil
        shared = all
        blocks.append(
          isTraining && !isFirst
            ? all.with(input: arena.take(rows * configuration.hiddenSize)) : all)
        isRecomputed.append(isTraining)
      case .fp32, .recomputed:
        let own = WideActivations(configuration, rows: rows, arena: &arena)
        blocks.append(BlockActivations(configuration, rows: rows, wide: own, arena: &arena))
        isRecomputed.append(false)
      case .bf16:
        let wide = sharedWide ?? WideActivations(configuration, rows: rows, arena: &arena)
        sharedWide = wide
        blocks.append(
          BlockActivations(
            configuration, rows: rows, wide: wide, isRounded: true, arena: &arena))
        isRecomputed.append(false)
      }
    }
    self.blocks = blocks
    self.isRecomputed = isRecomputed
    self.trits = trits
    self.tritBytes = tritBytes
    if let lent {
      arena.borrow(lent.range(until: configuration.numHiddenLayers), of: lent.base)
    }
    last = arena.take(rows * configuration.hiddenSize)
    lastInverseRMS = arena.take(rows)
    hidden = arena.take(rows * configuration.hiddenSize)
    savedBytes = arena.bytes - tritBytes
    arena.borrow(0..<0, of: nil)
    scratch = Scratch(configuration, rows: rows, isTraining: isTraining, arena: &arena)
  }

  /// Bytes of one block that keeps everything in floats.
  private static func blockBytes(_ configuration: ModelConfiguration, rows: Int) -> Int {
    var arena = Arena.measuring
    let wide = WideActivations(configuration, rows: rows, arena: &arena)
    _ = BlockActivations(configuration, rows: rows, wide: wide, arena: &arena)
    return arena.bytes
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
  /// Where the head's gradient is.
  package let headGradientPlace: HeadGradientPlace
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

  /// Memory of the floats that `init` was told, which may be used between a forward pass and its backward
  /// pass; nil when the gradients' memory is not lent, or has no room for them.
  package let memoryUntilBackward: UnsafeMutablePointer<Float>?

  /// Every operation ends a lap here; `begin` is its owner's, who also times what the model does not do.
  package let profiler = StepProfiler()

  private let team: ComputeTeam
  private let loops: TransformerLoops
  private let embedding: Embedding
  private let blocks: [TransformerBlock]
  private let finalNorm: RMSNorm
  private let memory: AlignedBuffer<UInt8>
  private let activations: TransformerActivations
  private let squares: GradientSquares?
  private var mixingMemory: MixingMemory?
  /// Floats of all projections' inputs.
  private let inputCount: Int
  private var lastBatch: TokenBatch?
  /// Whose activations are in the memory that recomputed blocks share; nil: nobody's.
  private var filledLayer: Int?
  /// Whether the trits are those of the weights as they were at the last `quantizeWeights`.
  private var tritsArePacked = true
  /// The sums of the magnitudes of the weights that are to be packed, by tensor, as far as known.
  private var magnitudes: [Int: Double] = [:]

  /// Bytes that this object and the team hold for its steps; not the parameters or gradients.
  package let workingBytes: Int

  /// A model over `parameters`, which the caller may change between steps.
  ///
  /// - Parameters:
  ///   - parameters: of `ParameterLayout(configuration)`.
  ///   - gradients: where `backward` adds, of the same layout; nil for a model that only predicts.
  ///   - maximumSequences: B, at most; `maximumLength`: T, at most.
  ///   - gradientMemory: whether they are anybody else's, too.
  ///   - floatsUntilBackward: how many its owner would use between the two passes, if there is room.
  ///   - headGradientPlace: `.pieces` for steps of one backward pass, which sets.
  /// - Throws: every field of the configuration that cannot be.
  package init(
    configuration: ModelConfiguration, parameters: Parameters, gradients: Parameters?,
    maximumSequences: Int, maximumLength: Int, precision: ProductPrecision = .fp32,
    storage: ActivationStorage = .fp32, gradientMemory: GradientMemory = .own,
    floatsUntilBackward: Int = 0, headGradientPlace: HeadGradientPlace = .region,
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
    self.headGradientPlace = headGradientPlace
    self.team = team
    self.loops = loops
    activationBits = configuration.quantization == .ternary ? .eight : nil
    let rows = maximumSequences * maximumLength
    let lent =
      gradientMemory == .lent
      ? gradients.map {
        LentGradients(layout, floatsUntilBackward: floatsUntilBackward, base: $0.values)
      } : nil
    memoryUntilBackward = lent?.memoryUntilBackward
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

    squares = gradients.map { GradientSquares($0.layout) }
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

  /// Where the head's gradient is added, `[V, d]`; nil for a model that only predicts, and where it
  /// comes in pieces.
  package var headGradients: UnsafeMutablePointer<Float>? {
    headGradientPlace == .region ? gradients.map { $0.values + headOffset } : nil
  }

  private var headOffset: Int { parameters.layout.head.offset }

  /// Adds to a piece of the head's gradient what the last backward pass has to say of it: of an
  /// embedding that is the head, the rows that were picked; of any other head, nothing.
  ///
  /// - Parameters:
  ///   - tokens: the piece's rows, in `0 ..< V`. - piece: `[tokens.count, d]`.
  package func addEmbeddingGradient(
    of tokens: Range<Int>, to piece: UnsafeMutablePointer<Float>
  ) {
    guard let batch = lastBatch else { preconditionFailure("gradients follow a backward pass") }
    guard embeddingIsTheHead else { return }
    embedding.addGradient(
      activations.scratch.dstream, tokens: batch.tokens, of: tokens, to: piece, loops: loops)
  }

  /// The sum of the squares of a tensor's gradient, in double, after a backward pass.
  ///
  /// - Parameter index: the tensor's, in the layout.
  package func gradientSquare(ofTensor index: Int) -> Double {
    guard let gradients else { preconditionFailure("no gradients were asked for") }
    if let taken = squares?[index] { return taken }
    let view = gradients.layout.views[index]
    defer { profiler.lap(.gradientNorm, bytes: view.count * MemoryLayout<Float>.stride) }
    return squaredNorm(gradients.values + view.offset, count: view.count, team: team)
  }

  /// Says that the gradients are no longer what the last backward pass wrote.
  package func gradientsWereChanged() { squares?.forget() }

  private var embeddingIsTheHead: Bool { parameters.layout["lm_head.weight"] == nil }

  /// Packs the trits of all projections. After the parameters changed, before `forward`; needless in
  /// full precision.
  ///
  /// Where they lie in lent memory, the next forward pass does it, so that the gradients are there until
  /// then.
  ///
  /// - Parameter magnitudes: the sums of ternary tensors' magnitudes, by their places in the layout, as
  ///   far as they are known: the quantizer's scale is their mean.
  package func quantizeWeights(magnitudes: [Int: Double] = [:]) {
    self.magnitudes = magnitudes
    if gradientMemory == .lent {
      tritsArePacked = false
    } else {
      packTrits()
    }
  }

  private func packTrits() {
    for block in blocks {
      for projection in block.projections {
        projection.quantizeWeights(magnitudes: magnitudes, team: team)
      }
    }
    tritsArePacked = true
    // A reading of the floats for the trits, and one before it for a scale that is not known.
    let bytes = parameters.layout.views.enumerated().reduce(0) { bytes, view in
      guard view.element.isTernary else { return bytes }
      return bytes + (magnitudes[view.offset] == nil ? 9 : 5) * view.element.count
    }
    profiler.lap(.quantizeWeights, bytes: bytes)
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
    filledLayer = activations.isRecomputed.lastIndex(of: true)
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
      gradientMemory == .own && headGradientPlace == .region || writing == .set,
      "gradients whose memory is lent, or that come in pieces, are set")
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
    squares?.forget()
    for layer in (0...layer).reversed() {
      let (block, saved) = (blocks[layer], activations.blocks[layer])
      profiler.layer = layer
      if activations.isRecomputed[layer], filledLayer != layer {
        block.fillActivations(stream: nil, saved: saved, scratch: scratch, step: step)
        filledLayer = layer
      }
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
    if headGradientPlace == .pieces, embeddingIsTheHead { return }
    if step.weightGradients == .set, !embeddingIsTheHead { clearSummedGradients(of: 0..<1) }
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
      gradientSquares: weightGradients == .set ? squares : nil,
      mixing: quantizationStrength.flatMap { mixingMemory?.mixing($0) })
  }
}
