package import Kernels

/// A model in full precision that only predicts, over weights that stay as they are stored.
///
/// The operations are those of `Transformer`, which this differs from in keeping nothing for a
/// backward pass and in never having its weights as fp32.
package final class StoredTransformer {
  package let weights: StoredWeights
  /// How products round their operands.
  package let precision: ProductPrecision
  private let maximumRows: Int
  private let maximumLength: Int
  private let team: ComputeTeam
  private let loops: TransformerLoops
  private let blocks: [TransformerBlock]
  private let finalNorm: RMSNorm
  private let memory: AlignedBuffer<UInt8>
  private let activations: TransformerActivations
  private let profiler = StepProfiler()

  /// - Parameters:
  ///   - maximumSequences: B, at most; `maximumLength`: T, at most.
  package init(
    weights: StoredWeights, maximumSequences: Int, maximumLength: Int,
    precision: ProductPrecision = .fp32, team: ComputeTeam = .shared,
    loops: TransformerLoops = .init()
  ) {
    self.weights = weights
    self.precision = precision
    self.team = team
    self.loops = loops
    self.maximumLength = maximumLength
    maximumRows = maximumSequences * maximumLength
    let configuration = weights.configuration
    let rope = RoPE(configuration, maximumLength: maximumLength)
    blocks = (0..<configuration.numHiddenLayers).map {
      OperationFactory.block($0, of: weights, rope: rope)
    }
    finalNorm = OperationFactory.norm("model.norm.weight", of: weights)
    var measuring = Arena.measuring
    _ = TransformerActivations(
      configuration, rows: maximumRows, isTraining: false, arena: &measuring)
    memory = AlignedBuffer(count: measuring.bytes)
    var arena = Arena(in: memory)
    activations = TransformerActivations(
      configuration, rows: maximumRows, isTraining: false, arena: &arena)
  }

  /// The final-normed hidden state of every position, `[B * T, d]`, valid until the next call. Rows
  /// of padded positions hold finite numbers without a meaning.
  ///
  /// - Parameters:
  ///   - batch: at most `maximumSequences` by `maximumLength`, token ids below V.
  ///   - attention: called after each block, from the first on.
  package func forward(
    _ batch: TokenBatch, attention: ((_ layer: Int, _ vectors: AttentionVectors) -> Void)? = nil
  ) -> UnsafePointer<Float> {
    let configuration = weights.configuration
    precondition(
      batch.sequences * batch.length <= maximumRows && batch.length <= maximumLength,
      "the batch [\(batch.sequences), \(batch.length)] is larger than the arena")
    precondition(
      batch.tokens.allSatisfy { $0 >= 0 && $0 < configuration.vocabSize },
      "token ids must be in 0 ..< \(configuration.vocabSize)")
    profiler.begin()
    let step = Step(
      sequences: batch.sequences, length: batch.length, lengths: batch.lengths,
      precision: precision, activationBits: nil, weightGradients: .add, loops: loops, team: team,
      profiler: profiler)
    let input = activations.blocks[0].input
    team.parallelRows(step.rows, grain: 16) { rows in
      for row in rows {
        weights.embedding.copyRow(
          Int(batch.tokens[row]), into: input + row * configuration.hiddenSize)
      }
    }
    profiler.lap(.embedding, bytes: 8 * step.rows * configuration.hiddenSize)
    var stream = input
    var isFirst = true
    for (layer, (block, saved)) in zip(blocks, activations.blocks).enumerated() {
      block.forward(
        stream: isFirst ? nil : UnsafePointer(stream), saved: saved,
        scratch: activations.scratch, step: step)
      if let attention {
        attention(layer, block.attentionVectors(saved))
        profiler.lap(.attentionRelations)
      }
      stream = saved.middle
      isFirst = false
    }
    team.parallelRows(step.rows, grain: 8) { rows in
      finalNorm.forward(
        stream, addend: activations.scratch.branch, sum: activations.last, rows: rows,
        normed: activations.hidden + rows.lowerBound * finalNorm.width,
        inverseRMS: activations.lastInverseRMS, loops: loops)
    }
    profiler.lap(.finalNorm, bytes: 16 * step.rows * configuration.hiddenSize)
    return UnsafePointer(activations.hidden)
  }

  /// Where the time of the last `forward` went.
  package var profile: StepProfile { profiler.profile }

  /// The logits of `rows` rows of hidden states, `[rows, V]`.
  package func head(
    _ hidden: UnsafePointer<Float>, into logits: UnsafeMutablePointer<Float>, rows: Int
  ) {
    weights.head.product(
      hidden, into: logits, m: rows, precision: precision, team: team,
      instructionSet: .active)
  }
}
