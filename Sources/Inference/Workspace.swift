internal import Kernels
internal import Transformer

/// The activations of the rows (tokens) that run together. N below is `rowCapacity`.
final class Workspace {
  /// Rows that run at once: enough that the products reach their speed, few enough to stay small.
  static let chunkRows = 256

  let rowCapacity: Int
  let logitsCapacity: Int
  /// `[N, d]` each: the residual stream and what is to be added to it.
  let stream: AlignedBuffer<Float>
  let branch: AlignedBuffer<Float>
  /// `[N, widest input]`: a projection's input, and its codes.
  let values: AlignedBuffer<Float>
  let codes: AlignedBuffer<Int8>
  /// `[N]` each.
  let scales: AlignedBuffer<Float>
  let inverseRMS: AlignedBuffer<Float>
  /// `[N, H * D]`, `[N, KV * D]`, `[N, KV * D]`, `[N, H * D]`.
  let queries: AlignedBuffer<Float>
  let keys: AlignedBuffer<Float>
  let headValues: AlignedBuffer<Float>
  let attended: AlignedBuffer<Float>
  /// `[N, F]` each.
  let gate: AlignedBuffer<Float>
  let up: AlignedBuffer<Float>
  /// `[logitsCapacity, d]` and `[logitsCapacity, V]`.
  let hidden: AlignedBuffer<Float>
  let logits: AlignedBuffer<Float>

  init(_ configuration: ModelConfiguration, maximumSequences: Int) {
    let sizes = Sizes(configuration, maximumSequences: maximumSequences)
    rowCapacity = sizes.rows
    logitsCapacity = sizes.logits
    stream = AlignedBuffer(count: sizes.rows * configuration.hiddenSize)
    branch = AlignedBuffer(count: sizes.rows * configuration.hiddenSize)
    values = AlignedBuffer(count: sizes.rows * sizes.widest)
    codes = AlignedBuffer(count: sizes.rows * sizes.widest)
    scales = AlignedBuffer(count: sizes.rows)
    inverseRMS = AlignedBuffer(count: sizes.rows * configuration.numAttentionHeads)
    queries = AlignedBuffer(count: sizes.rows * configuration.queryWidth)
    keys = AlignedBuffer(count: sizes.rows * configuration.keyValueWidth)
    headValues = AlignedBuffer(count: sizes.rows * configuration.keyValueWidth)
    attended = AlignedBuffer(count: sizes.rows * configuration.queryWidth)
    gate = AlignedBuffer(count: sizes.rows * configuration.intermediateSize)
    up = AlignedBuffer(count: sizes.rows * configuration.intermediateSize)
    hidden = AlignedBuffer(count: sizes.logits * configuration.hiddenSize)
    logits = AlignedBuffer(count: sizes.logits * configuration.vocabSize)
  }

  /// Bytes of a workspace, before it is made.
  static func byteCount(_ configuration: ModelConfiguration, maximumSequences: Int) -> Int {
    let sizes = Sizes(configuration, maximumSequences: maximumSequences)
    let floatsPerRow =
      2 * configuration.hiddenSize + sizes.widest + 1 + configuration.numAttentionHeads
      + 2 * configuration.queryWidth + 2 * configuration.keyValueWidth
      + 2 * configuration.intermediateSize
    return sizes.rows * (4 * floatsPerRow + sizes.widest)
      + 4 * sizes.logits * (configuration.hiddenSize + configuration.vocabSize)
  }

  private struct Sizes {
    let rows: Int
    let logits: Int
    let widest: Int

    init(_ configuration: ModelConfiguration, maximumSequences: Int) {
      rows = max(maximumSequences, Workspace.chunkRows)
      // Scoring wants many positions at once; 16 MiB of logits are enough of them.
      logits = max(maximumSequences, min(64, (1 << 22) / configuration.vocabSize), 1)
      widest = max(
        configuration.hiddenSize, configuration.queryWidth, configuration.intermediateSize)
    }
  }
}
