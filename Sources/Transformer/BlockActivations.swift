/// What the forward pass of one block saves for its backward pass.
struct BlockActivations {
  /// The residual stream where the block begins, `[N, d]`.
  private(set) var input: UnsafeMutablePointer<Float>
  let inputInverseRMS: UnsafeMutablePointer<Float>
  /// What q, k and v project.
  let attentionInput: ProjectionInput
  /// Queries and keys before QK-norm, and its `[N, heads]` inverse roots; nil without QK-norm.
  let heads: HeadNormActivations?
  /// After QK-norm and RoPE: `[N, H * D]`, and twice `[N, keyValueHeads * D]`.
  let queries: UnsafeMutablePointer<Float>
  let keys: UnsafeMutablePointer<Float>
  let values: UnsafeMutablePointer<Float>
  /// The heads' outputs, concatenated, `[N, H * D]`; and `[B, H, T]`.
  let attended: UnsafeMutablePointer<Float>
  let logSumExp: UnsafeMutablePointer<Float>
  let attendedInverseRMS: UnsafeMutablePointer<Float>
  /// What `o_proj` projects.
  let outputInput: ProjectionInput
  /// The residual stream between attention and MLP, `[N, d]`.
  let middle: UnsafeMutablePointer<Float>
  let middleInverseRMS: UnsafeMutablePointer<Float>
  /// What gate and up project.
  let mlpInput: ProjectionInput
  /// `[N, F]`.
  let gate: UnsafeMutablePointer<Float>
  let up: UnsafeMutablePointer<Float>
  let productInverseRMS: UnsafeMutablePointer<Float>
  /// What `down_proj` projects.
  let downInput: ProjectionInput

  struct HeadNormActivations {
    let queries: UnsafeMutablePointer<Float>
    let keys: UnsafeMutablePointer<Float>
    let queryInverseRMS: UnsafeMutablePointer<Float>
    let keyInverseRMS: UnsafeMutablePointer<Float>
  }

  /// The bf16 form of the wide matrices, when they are shared with other blocks.
  let rounded: RoundedActivations?

  /// - Parameters:
  ///   - rows: N, at most.
  ///   - wide: memory of the wide matrices.
  ///   - isRounded: whether other blocks use `wide` too, so that its contents are kept in bf16.
  init(
    _ configuration: ModelConfiguration, rows: Int, wide: WideActivations,
    isRounded: Bool = false, arena: inout Arena
  ) {
    let width = configuration.hiddenSize
    let isQuantized = configuration.quantization == .ternary
    let rotation: ProjectionInput.Rotation =
      configuration.usesHadamard && isQuantized ? .hadamard : .none
    input = arena.take(rows * width)
    inputInverseRMS = arena.take(rows)
    attentionInput = ProjectionInput(
      width: width, rows: rows, isQuantized: isQuantized, arena: &arena)
    if let queries = wide.headQueries, let keys = wide.headKeys {
      heads = HeadNormActivations(
        queries: queries, keys: keys,
        queryInverseRMS: arena.take(rows * configuration.numAttentionHeads),
        keyInverseRMS: arena.take(rows * configuration.numKeyValueHeads))
    } else {
      heads = nil
    }
    queries = wide.queries
    keys = wide.keys
    values = wide.values
    attended = wide.attended
    logSumExp = arena.take(rows * configuration.numAttentionHeads)
    attendedInverseRMS = arena.take(rows)
    outputInput = ProjectionInput(
      width: configuration.queryWidth, rows: rows, isQuantized: isQuantized, rotation: rotation,
      arena: &arena)
    middle = arena.take(rows * width)
    middleInverseRMS = arena.take(rows)
    mlpInput = ProjectionInput(width: width, rows: rows, isQuantized: isQuantized, arena: &arena)
    gate = wide.gate
    up = wide.up
    productInverseRMS = arena.take(rows)
    downInput = ProjectionInput(
      width: configuration.intermediateSize, rows: rows, isQuantized: isQuantized,
      rotation: rotation, arena: &arena)
    rounded =
      isRounded ? RoundedActivations(of: wide, configuration, rows: rows, arena: &arena) : nil
  }

  /// The same memory, but for the block's input.
  func with(input: UnsafeMutablePointer<Float>) -> BlockActivations {
    var copy = self
    copy.input = input
    return copy
  }
}

/// Memory that all blocks use in turn, and keep nothing in.
struct Scratch {
  /// What a block's half adds to the residual stream, `[N, d]`; backward, the gradient of a half's
  /// normed input.
  let branch: UnsafeMutablePointer<Float>
  /// Partial sums of gains' and biases' gradients.
  let sums: UnsafeMutablePointer<Float>
  /// The gradient of the residual stream, `[N, d]`.
  let dstream: UnsafeMutablePointer<Float>
  /// Gradients inside the attention half: `[N, H * D]` twice, then twice `[N, keyValueHeads * D]`.
  let dattended: UnsafeMutablePointer<Float>
  let dqueries: UnsafeMutablePointer<Float>
  let dkeys: UnsafeMutablePointer<Float>
  let dvalues: UnsafeMutablePointer<Float>
  /// Gradients inside the MLP half, `[N, F]`, in the same memory as those of the attention half.
  let dgate: UnsafeMutablePointer<Float>
  let dup: UnsafeMutablePointer<Float>

  /// - Parameter isTraining: without it only `branch` may be used.
  init(_ configuration: ModelConfiguration, rows: Int, isTraining: Bool, arena: inout Arena) {
    let width = configuration.hiddenSize
    let (queryWidth, keyValueWidth) = (configuration.queryWidth, configuration.keyValueWidth)
    let inner = configuration.intermediateSize
    let trainedRows = isTraining ? rows : 0
    branch = arena.take(rows * width)
    dstream = arena.take(trainedRows * width)
    // The sums of the heads' norms run over N * heads short rows.
    let sumsWidth = max(
      width, queryWidth, inner, configuration.numAttentionHeads * configuration.headDim)
    sums = arena.take(
      Step.sumScratch(rows: trainedRows, width: sumsWidth)
        + configuration.numAttentionHeads * configuration.headDim)
    let shared = arena.bytes
    dgate = arena.take(trainedRows * inner)
    dup = arena.take(trainedRows * inner)
    let afterMLP = arena.bytes
    arena.rewind(to: shared)
    dattended = arena.take(trainedRows * queryWidth)
    dqueries = arena.take(trainedRows * queryWidth)
    dkeys = arena.take(trainedRows * keyValueWidth)
    dvalues = arena.take(trainedRows * keyValueWidth)
    if arena.bytes < afterMLP { arena.rewind(to: afterMLP) }
  }
}
