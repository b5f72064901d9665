internal import CKernels
internal import Kernels

/// Causal attention of grouped query heads: out = softmax(q kᵀ / √D + mask) v, head by head.
///
/// The mask is causal, and it hides the padding at a sequence's end: rows of padded positions are
/// zero, in the output and in the gradients. No T × T matrix outlives a block of query rows; the
/// backward pass computes the probabilities again from the saved log-sum-exp of every row. Under bf16
/// its products are rounded to bf16 like all others.
struct Attention {
  /// H.
  let heads: Int
  /// Heads of keys and values; each serves heads / keyValueHeads neighbouring query heads.
  let keyValueHeads: Int
  /// D.
  let headDimension: Int

  init(_ configuration: ModelConfiguration) {
    heads = configuration.numAttentionHeads
    keyValueHeads = configuration.numKeyValueHeads
    headDimension = configuration.headDim
  }

  /// Bytes of the worker's scratch for sequences of up to `length` positions, in any precision.
  func workerScratchBytes(length: Int, loops: TransformerLoops) -> Int {
    var shape = shape(length: length)
    return max(loops.table.attention_scratch(&shape), loops.table.attention_scratch_bf16(&shape))
      * MemoryLayout<Float>.stride
  }

  /// Multiplications and additions of one product of all heads that causality and padding leave.
  private func arithmetic(step: Step) -> Int {
    step.lengths.reduce(0) { $0 + Int($1) * (Int($1) + 1) * heads * headDimension }
  }

  /// Writes `output`, and `logSumExp` for the backward pass.
  ///
  /// - Parameters:
  ///   - queries: `[N, H * D]`, after QK-norm and RoPE. - output: likewise.
  ///   - keys: `[N, keyValueHeads * D]`. - values: likewise.
  ///   - logSumExp: `[B, H, T]`.
  func forward(
    queries: UnsafePointer<Float>, keys: UnsafePointer<Float>, values: UnsafePointer<Float>,
    output: UnsafeMutablePointer<Float>, logSumExp: UnsafeMutablePointer<Float>, step: Step
  ) {
    let table = step.loops.table
    let kernel =
      step.precision == .bf16 ? table.attention_forward_bf16! : table.attention_forward!
    forEachItem(step) { item, shape, scratch in
      kernel(
        &shape, queries + item.query, keys + item.keyValue, values + item.keyValue,
        output + item.query, logSumExp + item.logSumExp, step.length, scratch)
      clearPadding(output, item, groups: heads / keyValueHeads, stride: heads, step)
    }
    // Scores, and their product with the values.
    step.profiler.lap(
      .attention, arithmetic: 2 * arithmetic(step: step), wrote: output,
      count: step.rows * heads * headDimension)
  }

  /// Writes the gradients of queries, keys and values, of their shapes.
  func backward(
    doutput: UnsafePointer<Float>, queries: UnsafePointer<Float>, keys: UnsafePointer<Float>,
    values: UnsafePointer<Float>, output: UnsafePointer<Float>, logSumExp: UnsafePointer<Float>,
    dqueries: UnsafeMutablePointer<Float>, dkeys: UnsafeMutablePointer<Float>,
    dvalues: UnsafeMutablePointer<Float>, step: Step
  ) {
    let table = step.loops.table
    let kernel =
      step.precision == .bf16 ? table.attention_backward_bf16! : table.attention_backward!
    forEachItem(step) { item, shape, scratch in
      kernel(
        &shape, queries + item.query, keys + item.keyValue, values + item.keyValue,
        output + item.query, logSumExp + item.logSumExp, step.length, doutput + item.query,
        dqueries + item.query, dkeys + item.keyValue, dvalues + item.keyValue, scratch)
      clearPadding(dqueries, item, groups: heads / keyValueHeads, stride: heads, step)
      clearPadding(dkeys, item, groups: 1, stride: keyValueHeads, step)
      clearPadding(dvalues, item, groups: 1, stride: keyValueHeads, step)
    }
    // Scores again, the gradient of the probabilities, and those of queries, keys and values.
    step.profiler.lap(
      .attentionBackward, arithmetic: 5 * arithmetic(step: step), wrote: dqueries,
      count: step.rows * heads * headDimension)
  }

  /// One (sequence, head of keys and values): with its query heads it shares nothing with others.
  private struct Item {
    let sequence: Int
    let keyValueHead: Int
    /// Offsets of its first element in `[N, H * D]`, `[N, keyValueHeads * D]` and `[B, H, T]`.
    let query: Int
    let keyValue: Int
    let logSumExp: Int
  }

  private func forEachItem(
    _ step: Step,
    _ body: (Item, inout transformer_attention_shape, UnsafeMutablePointer<Float>) -> Void
  ) {
    let groups = heads / keyValueHeads
    let bytes = workerScratchBytes(length: step.length, loops: step.loops)
    step.team.parallelRows(step.sequences * keyValueHeads, scratchBytes: bytes) { items, scratch in
      let floats = scratch.bindMemory(
        to: Float.self, capacity: bytes / MemoryLayout<Float>.stride)
      for index in items {
        let (sequence, head) = (index / keyValueHeads, index % keyValueHeads)
        var shape = shape(length: Int(step.lengths[sequence]))
        let item = Item(
          sequence: sequence, keyValueHead: head,
          query: (sequence * step.length * heads + head * groups) * headDimension,
          keyValue: (sequence * step.length * keyValueHeads + head) * headDimension,
          logSumExp: (sequence * heads + head * groups) * step.length)
        body(item, &shape, floats)
      }
    }
  }

  /// Zeros the item's heads in the rows of padded positions.
  private func clearPadding(
    _ x: UnsafeMutablePointer<Float>, _ item: Item, groups: Int, stride heads: Int, _ step: Step
  ) {
    for position in Int(step.lengths[item.sequence])..<step.length {
      let row = item.sequence * step.length + position
      let first = (row * heads + item.keyValueHead * groups) * headDimension
      (x + first).update(repeating: 0, count: groups * headDimension)
    }
  }

  private func shape(length: Int) -> transformer_attention_shape {
    transformer_attention_shape(
      length: length, query_heads: heads / keyValueHeads, head_dimension: headDimension,
      query_stride: heads * headDimension, key_value_stride: keyValueHeads * headDimension,
      scale: 1 / Float(headDimension).squareRoot())
  }
}
