internal import Kernels

/// One block: attention, then the gated MLP, each behind a norm and added to the residual stream.
struct TransformerBlock {
  let attentionNorm: RMSNorm
  let query: BitLinear
  let key: BitLinear
  let value: BitLinear
  /// The norms of every head of queries and of keys; nil without QK-norm.
  let queryNorm: RMSNorm?
  let keyNorm: RMSNorm?
  let rope: RoPE
  let attention: Attention
  /// SubLN on the input of `output`; nil without.
  let attendedNorm: RMSNorm?
  let output: BitLinear
  let mlpNorm: RMSNorm
  let gate: BitLinear
  let up: BitLinear
  let mlp: GatedMLP
  let down: BitLinear

  /// The seven projections.
  var projections: [BitLinear] { [query, key, value, output, gate, up, down] }

  /// Leaves what the MLP adds to `saved.middle` in `scratch.branch`: the norm that comes next sums
  /// them.
  ///
  /// - Parameter stream: where the block before left its residual stream, to be summed with
  ///   `scratch.branch` into `saved.input`; nil for the first block, whose input is there already.
  func forward(
    stream: UnsafePointer<Float>?, saved: BlockActivations, scratch: Scratch, step: Step
  ) {
    fillActivations(stream: stream, saved: saved, scratch: scratch, step: step)
    down.forward(saved.downInput, into: scratch.branch, step: step)
  }

  /// All of `forward` but its last product, which nothing in the backward pass needs.
  func fillActivations(
    stream: UnsafePointer<Float>?, saved: BlockActivations, scratch: Scratch, step: Step
  ) {
    let loops = step.loops
    saved.attentionInput.fill(.queryKeyValueInput, passes: 3, step: step) { rows, normed in
      attentionNorm.forward(
        stream ?? UnsafePointer(saved.input), addend: stream == nil ? nil : scratch.branch,
        sum: saved.input, rows: rows, normed: normed, inverseRMS: saved.inputInverseRMS,
        loops: loops)
    }
    query.forward(saved.attentionInput, into: saved.heads?.queries ?? saved.queries, step: step)
    key.forward(saved.attentionInput, into: saved.heads?.keys ?? saved.keys, step: step)
    value.forward(saved.attentionInput, into: saved.values, step: step)
    normAndRotateHeads(saved, step: step)
    step.lap(.rotateHeads, passes: 4, over: saved.queries, width: query.outputs)
    attention.forward(
      queries: saved.queries, keys: saved.keys, values: saved.values, output: saved.attended,
      logSumExp: saved.logSumExp, step: step)
    saved.outputInput.fill(.attentionOutputInput, passes: 1, step: step) { rows, normed in
      guard let attendedNorm else {
        let width = output.inputs
        return normed.update(
          from: saved.attended + rows.lowerBound * width, count: rows.count * width)
      }
      attendedNorm.forward(
        saved.attended, rows: rows, normed: normed, inverseRMS: saved.attendedInverseRMS,
        loops: loops)
    }
    output.forward(saved.outputInput, into: scratch.branch, step: step)

    saved.mlpInput.fill(.gateUpInput, passes: 3, step: step) { rows, normed in
      mlpNorm.forward(
        saved.input, addend: scratch.branch, sum: saved.middle, rows: rows, normed: normed,
        inverseRMS: saved.middleInverseRMS, loops: loops)
    }
    gate.forward(saved.mlpInput, into: saved.gate, step: step)
    up.forward(saved.mlpInput, into: saved.up, step: step)
    saved.downInput.fill(.downInput, passes: 2, step: step) { rows, normed in
      mlp.forward(
        gate: saved.gate, up: saved.up, rows: rows, normed: normed,
        inverseRMS: saved.productInverseRMS, loops: loops)
    }
  }

  /// What the attention of the last `forward` or `fillActivations` worked on.
  func attentionVectors(_ saved: BlockActivations) -> AttentionVectors {
    AttentionVectors(
      queries: saved.queries, keys: saved.keys, values: saved.values, queryWidth: query.outputs,
      keyValueWidth: key.outputs)
  }

  /// Turns `scratch.dstream`, the gradient of the residual stream behind the block, into the one
  /// before it.
  ///
  /// - Parameter addAttentionGradients: may add to the gradients of the attention's vectors.
  func backward(
    saved: BlockActivations, scratch: Scratch, step: Step,
    addAttentionGradients: ((AttentionVectors, AttentionGradients) -> Void)? = nil
  ) {
    let (dstream, dbranch, sums) = (scratch.dstream, scratch.branch, scratch.sums)
    down.backward(
      dstream, x: saved.downInput, dx: scratch.dgate, .set, scratch: sums, step: step)
    saved.downInput.undoRotation(of: scratch.dgate, step: step)
    mlp.backward(
      scratch.dgate, gate: saved.gate, up: saved.up, inverseRMS: saved.productInverseRMS,
      dup: scratch.dup, scratch: sums, step: step)
    step.lap(.downInputBackward, passes: 5, over: scratch.dgate, width: down.inputs)
    gate.backward(scratch.dgate, x: saved.mlpInput, dx: dbranch, .set, scratch: sums, step: step)
    up.backward(scratch.dup, x: saved.mlpInput, dx: dbranch, .add, scratch: sums, step: step)
    mlpNorm.backward(
      dbranch, x: saved.middle, inverseRMS: saved.middleInverseRMS, rows: step.rows, dx: dstream,
      .add, scratch: sums, step: step)
    step.lap(.gateUpInputBackward, passes: 4, over: dstream, width: gate.inputs)

    output.backward(
      dstream, x: saved.outputInput, dx: scratch.dattended, .set, scratch: sums, step: step)
    saved.outputInput.undoRotation(of: scratch.dattended, step: step)
    attendedNorm?.backward(
      scratch.dattended, x: saved.attended, inverseRMS: saved.attendedInverseRMS, rows: step.rows,
      dx: scratch.dattended, .set, scratch: sums, step: step)
    step.lap(
      .attentionOutputInputBackward, passes: 3, over: scratch.dattended, width: output.inputs)
    attention.backward(
      doutput: scratch.dattended, queries: saved.queries, keys: saved.keys, values: saved.values,
      output: saved.attended, logSumExp: saved.logSumExp, dqueries: scratch.dqueries,
      dkeys: scratch.dkeys, dvalues: scratch.dvalues, step: step)
    if let addAttentionGradients {
      addAttentionGradients(
        attentionVectors(saved),
        AttentionGradients(
          dqueries: scratch.dqueries, dkeys: scratch.dkeys, dvalues: scratch.dvalues))
      step.lap(.attentionRelations, passes: 4, over: scratch.dqueries, width: query.outputs)
    }
    normAndRotateHeadsBackward(saved, scratch: scratch, step: step)
    step.lap(.rotateHeadsBackward, passes: 4, over: scratch.dqueries, width: query.outputs)
    query.backward(
      scratch.dqueries, x: saved.attentionInput, dx: dbranch, .set, scratch: sums, step: step)
    key.backward(
      scratch.dkeys, x: saved.attentionInput, dx: dbranch, .add, scratch: sums, step: step)
    value.backward(
      scratch.dvalues, x: saved.attentionInput, dx: dbranch, .add, scratch: sums, step: step)
    attentionNorm.backward(
      dbranch, x: saved.input, inverseRMS: saved.inputInverseRMS, rows: step.rows, dx: dstream,
      .add, scratch: sums, step: step)
    step.lap(.queryKeyValueInputBackward, passes: 4, over: dstream, width: query.inputs)
  }

  /// QK-norm, where the model has it, then RoPE.
  private func normAndRotateHeads(_ saved: BlockActivations, step: Step) {
    let (heads, keyValueHeads) = (attention.heads, attention.keyValueHeads)
    step.team.parallelRows(step.rows, grain: 8) { rows in
      if let before = saved.heads, let queryNorm, let keyNorm {
        let queryRows = rows.lowerBound * heads..<rows.upperBound * heads
        queryNorm.forward(
          before.queries, rows: queryRows,
          normed: saved.queries + queryRows.lowerBound * attention.headDimension,
          inverseRMS: before.queryInverseRMS, loops: step.loops)
        let keyRows = rows.lowerBound * keyValueHeads..<rows.upperBound * keyValueHeads
        keyNorm.forward(
          before.keys, rows: keyRows,
          normed: saved.keys + keyRows.lowerBound * attention.headDimension,
          inverseRMS: before.keyInverseRMS, loops: step.loops)
      }
      rope.rotate(
        saved.queries, heads: heads, length: step.length, rows: rows, direction: .forward,
        loops: step.loops)
      rope.rotate(
        saved.keys, heads: keyValueHeads, length: step.length, rows: rows, direction: .forward,
        loops: step.loops)
    }
  }

  /// Turns the gradients of rotated queries and keys into those of what q and k projected, in place.
  private func normAndRotateHeadsBackward(
    _ saved: BlockActivations, scratch: Scratch, step: Step
  ) {
    let (heads, keyValueHeads) = (attention.heads, attention.keyValueHeads)
    step.team.parallelRows(step.rows, grain: 8) { rows in
      rope.rotate(
        scratch.dqueries, heads: heads, length: step.length, rows: rows, direction: .backward,
        loops: step.loops)
      rope.rotate(
        scratch.dkeys, heads: keyValueHeads, length: step.length, rows: rows,
        direction: .backward, loops: step.loops)
    }
    guard let before = saved.heads else { return }
    queryNorm?.backward(
      scratch.dqueries, x: before.queries, inverseRMS: before.queryInverseRMS,
      rows: step.rows * heads, dx: scratch.dqueries, .set, scratch: scratch.sums, step: step)
    keyNorm?.backward(
      scratch.dkeys, x: before.keys, inverseRMS: before.keyInverseRMS,
      rows: step.rows * keyValueHeads, dx: scratch.dkeys, .set, scratch: scratch.sums, step: step)
  }
}
