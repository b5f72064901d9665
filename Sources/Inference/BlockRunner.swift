internal import CKernels
internal import Kernels
internal import Transformer

/// Takes rows through the model's operations, over the session's memory.
final class BlockRunner {
  private let model: InferenceModel
  private let space: Workspace
  private let cache: KeyValueCache
  private let rotary: RotaryTables
  private let team: ComputeTeam
  private let instructionSet: InstructionSet
  private let loops: transformer_kernels_table
  /// Whether the branch holds something that the stream has not yet.
  private var hasBranch = false

  init(
    model: InferenceModel, space: Workspace, cache: KeyValueCache, rotary: RotaryTables,
    team: ComputeTeam, instructionSet: InstructionSet
  ) {
    self.model = model
    self.space = space
    self.cache = cache
    self.rotary = rotary
    self.team = team
    self.instructionSet = instructionSet
    loops =
      switch instructionSet {
      case .scalar: transformer_kernels(0).pointee
      case .avx2: transformer_kernels(1).pointee
      case .avx512: transformer_kernels(2).pointee
      }
  }

  private var configuration: ModelConfiguration { model.configuration }
  private var epsilon: Float { Float(configuration.rmsNormEps) }

  /// Starts the residual stream.
  func embed(_ rows: [TokenRow]) {
    let width = configuration.hiddenSize
    for (index, row) in rows.enumerated() {
      model.embedding.copyRow(Int(row.token), into: space.stream.pointer + index * width)
    }
    hasBranch = false
  }

  /// One block.
  func run(block index: Int, _ rows: [TokenRow]) {
    let block = model.blocks[index]
    normStream(gain: block.attentionGain, rows: rows.count)
    prepare(width: configuration.hiddenSize, rows: rows.count)
    project(
      [
        (block.query, space.queries.pointer), (block.key, space.keys.pointer),
        (block.value, space.headValues.pointer),
      ], rows: rows.count)
    normAndRotateHeads(block, rows)
    attend(block: index, rows)
    normAttended(gain: block.attendedGain, rows: rows.count)
    prepare(width: configuration.queryWidth, rows: rows.count, isRotated: true)
    project([(block.output, space.branch.pointer)], rows: rows.count)
    hasBranch = true

    normStream(gain: block.mlpGain, rows: rows.count)
    prepare(width: configuration.hiddenSize, rows: rows.count)
    project(
      [(block.gate, space.gate.pointer), (block.up, space.up.pointer)], rows: rows.count)
    multiplyGate(gain: block.productGain, rows: rows.count)
    prepare(width: configuration.intermediateSize, rows: rows.count, isRotated: true)
    project([(block.down, space.branch.pointer)], rows: rows.count)
    hasBranch = true
  }

  /// The final norm of some of the rows that ran, gathered: `hidden` is `[rows.count, d]`.
  func finish(rows: [Int]) {
    let width = configuration.hiddenSize
    // The stream may be asked for several times, so the branch is not added in place here.
    let sums = space.values.pointer
    for (index, row) in rows.enumerated() {
      loops.rmsnorm_forward(
        space.stream.pointer + row * width, space.branch.pointer + row * width,
        sums + index * width, model.finalGain, epsilon, 1, width,
        space.hidden.pointer + index * width, space.inverseRMS.pointer + index)
    }
  }

  /// The logits of the gathered rows, `[count, V]`.
  func head(count: Int, logits: UnsafeMutablePointer<Float>) {
    model.head.product(
      space.hidden.pointer, into: logits, m: count, team: team, instructionSet: instructionSet)
  }

  /// Adds the branch to the stream and writes its norm to `values`.
  private func normStream(gain: [Float], rows: Int) {
    let width = configuration.hiddenSize
    let branch = hasBranch ? UnsafePointer(space.branch.pointer) : nil
    hasBranch = false
    team.parallelRows(rows, grain: 8) { range in
      let offset = range.lowerBound * width
      loops.rmsnorm_forward(
        space.stream.pointer + offset, branch.map { $0 + offset },
        branch == nil ? nil : space.stream.pointer + offset, gain, epsilon, range.count, width,
        space.values.pointer + offset, space.inverseRMS.pointer + range.lowerBound)
    }
  }

  /// Makes `values` ready to be multiplied: rotated and rounded to codes when the model is ternary.
  private func prepare(width: Int, rows: Int, isRotated: Bool = false) {
    guard let bits = model.activationBits else { return }
    if isRotated && configuration.usesHadamard {
      hadamardRows(
        space.values.pointer, rows: rows, columns: width, team: team,
        instructionSet: instructionSet)
    }
    quantizeActivations(
      space.values.pointer, rows: rows, columns: width, bits: bits, codes: space.codes.pointer,
      scales: space.scales.pointer, team: team, instructionSet: instructionSet)
  }

  /// Projections of the same input.
  private func project(
    _ targets: [(projection: Projection, y: UnsafeMutablePointer<Float>)], rows: Int
  ) {
    var packed: [(weights: PackedTernary, y: UnsafeMutablePointer<Float>)] = []
    for (projection, y) in targets {
      switch projection.weights {
      case .packed(let weights):
        packed.append((weights, y))
      case .dense(let weights):
        weights.product(
          space.values.pointer, into: y, m: rows, team: team, instructionSet: instructionSet)
      }
    }
    if !packed.isEmpty {
      PackedTernary.products(
        packed, codes: space.codes.pointer, scales: space.scales.pointer, m: rows, team: team,
        instructionSet: instructionSet)
    }
    for (projection, y) in targets {
      if let bias = projection.bias { loops.bias_add(y, bias, rows, projection.outputs) }
    }
  }

  /// QK-norm, where the model has it, RoPE, and the cache.
  private func normAndRotateHeads(_ block: InferenceBlock, _ rows: [TokenRow]) {
    team.parallelRows(rows.count, grain: 8) { range in
      for row in range {
        let position = rows[row].position
        prepareHeads(
          space.queries.pointer + row * configuration.queryWidth,
          count: configuration.numAttentionHeads, gain: block.queryGain, row: row,
          position: position)
        prepareHeads(
          space.keys.pointer + row * configuration.keyValueWidth,
          count: configuration.numKeyValueHeads, gain: block.keyGain, row: row,
          position: position)
      }
    }
  }

  private func prepareHeads(
    _ heads: UnsafeMutablePointer<Float>, count: Int, gain: [Float]?, row: Int, position: Int
  ) {
    let dimension = configuration.headDim
    if let gain {
      loops.rmsnorm_forward(
        heads, nil, nil, gain, epsilon, count, dimension, heads,
        space.inverseRMS.pointer + row * configuration.numAttentionHeads)
    }
    loops.rope_rotate(
      heads, position, 1, position + 1, count, dimension, rotary.cosines.pointer,
      rotary.sines.pointer, 1)
  }

  /// Adds the rows to the cache, then lets every row attend to its sequence's.
  private func attend(block: Int, _ rows: [TokenRow]) {
    team.parallelRows(rows.count) { range in
      for row in range {
        let offset = row * configuration.keyValueWidth
        cache.append(
          keys: space.keys.pointer + offset, values: space.headValues.pointer + offset,
          block: block, sequence: rows[row].sequence, position: rows[row].position)
      }
    }
    let chunks = queryChunks(rows)
    let heads = configuration.numKeyValueHeads
    team.parallelRows(heads * chunks.count, scratchBytes: cache.scratchBytes) { items, scratch in
      var widened = KeyValueCache.WidenedHead()
      for item in items {
        let (head, chunk) = (item / chunks.count, chunks[item % chunks.count])
        let sequence = rows[chunk.firstRow].sequence
        var queryRows = self.queryRows(chunk, head: head, rows)
        if cache.widens(chunks: chunk.siblings, positions: chunk.positions) {
          cache.attend(
            &queryRows, block: block, sequence: sequence, head: head, positions: chunk.positions,
            widened: &widened, scratch: scratch)
        } else {
          cache.attend(
            &queryRows, block: block, sequence: sequence, head: head, scratch: scratch)
        }
      }
    }
  }

  /// Up to six (row, query head) pairs of one sequence: pair i of a sequence's rows is head i mod G
  /// of row i / G, G query heads to a head of keys and values.
  private struct QueryChunk {
    let firstRow: Int
    let pairs: Range<Int>
    /// Chunks of the sequence, this one included.
    let siblings: Int
    /// Positions that the last of the sequence's rows sees.
    let positions: Int
  }

  private func queryChunks(_ rows: [TokenRow]) -> [QueryChunk] {
    let groups = configuration.numAttentionHeads / configuration.numKeyValueHeads
    var chunks: [QueryChunk] = []
    var first = 0
    while first < rows.count {
      let sequence = rows[first].sequence
      let last = rows[first...].firstIndex { $0.sequence != sequence } ?? rows.count
      let pairs = (last - first) * groups
      let siblings = (pairs + Int(CACHE_QUERY_ROWS) - 1) / Int(CACHE_QUERY_ROWS)
      for start in stride(from: 0, to: pairs, by: CACHE_QUERY_ROWS) {
        chunks.append(
          QueryChunk(
            firstRow: first, pairs: start..<min(pairs, start + CACHE_QUERY_ROWS),
            siblings: siblings, positions: rows[last - 1].position + 1))
      }
      first = last
    }
    return chunks
  }

  private func queryRows(
    _ chunk: QueryChunk, head: Int, _ rows: [TokenRow]
  ) -> cache_attention_rows {
    let groups = configuration.numAttentionHeads / configuration.numKeyValueHeads
    let dimension = configuration.headDim
    var result = cache_attention_rows()
    result.count = chunk.pairs.count
    result.head_dimension = dimension
    result.scale = 1 / Float(dimension).squareRoot()
    withUnsafeMutableBytes(of: &result.queries) { queries in
      withUnsafeMutableBytes(of: &result.outputs) { outputs in
        withUnsafeMutableBytes(of: &result.limits) { limits in
          let queries = queries.bindMemory(to: UnsafePointer<Float>?.self)
          let outputs = outputs.bindMemory(to: UnsafeMutablePointer<Float>?.self)
          let limits = limits.bindMemory(to: Int.self)
          for (index, pair) in chunk.pairs.enumerated() {
            let row = chunk.firstRow + pair / groups
            let offset =
              row * configuration.queryWidth + (head * groups + pair % groups) * dimension
            queries[index] = UnsafePointer(space.queries.pointer + offset)
            outputs[index] = space.attended.pointer + offset
            limits[index] = rows[row].position + 1
          }
        }
      }
    }
    return result
  }

  /// Writes the input of the output projection to `values`.
  private func normAttended(gain: [Float]?, rows: Int) {
    let width = configuration.queryWidth
    guard let gain else {
      space.values.pointer.update(from: space.attended.pointer, count: rows * width)
      return
    }
    team.parallelRows(rows, grain: 8) { range in
      let offset = range.lowerBound * width
      loops.rmsnorm_forward(
        space.attended.pointer + offset, nil, nil, gain, epsilon, range.count, width,
        space.values.pointer + offset, space.inverseRMS.pointer + range.lowerBound)
    }
  }

  /// Writes activation(gate) · up, normed where the model has SubLN, to `values`.
  private func multiplyGate(gain: [Float]?, rows: Int) {
    let width = configuration.intermediateSize
    let kind: transformer_activation =
      configuration.hiddenAct == .silu ? TRANSFORMER_SILU : TRANSFORMER_RELU_SQUARED
    team.parallelRows(rows, grain: 8) { range in
      let offset = range.lowerBound * width
      func run(_ gain: UnsafePointer<Float>?) {
        loops.gated_forward(
          kind, space.gate.pointer + offset, space.up.pointer + offset, gain, epsilon,
          range.count, width, space.values.pointer + offset,
          space.inverseRMS.pointer + range.lowerBound)
      }
      if let gain { gain.withUnsafeBufferPointer { run($0.baseAddress) } } else { run(nil) }
    }
  }
}
