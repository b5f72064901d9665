package import Kernels
package import Transformer

/// A full-precision teacher that runs beside the student, batch by batch.
///
/// Its hidden states live until the next batch, its logits for a chunk of rows (`HeadLoss`), and of
/// its attention only what `AttentionRelationLoss` compares is kept.
package final class CompanionTeacher {
  /// What the teacher is.
  package let configuration: ModelConfiguration
  private let model: StoredTransformer
  private let maximumSequences: Int
  private let maximumLength: Int

  /// - Parameters:
  ///   - weights: of the teacher, as its checkpoint stores them.
  ///   - maximumSequences: B of the student's micro-batches; `maximumLength`: their T.
  ///   - precision: how products may round their operands.
  /// - Throws: `.invalidRecipe` when the teacher has fewer positions than a sequence.
  package init(
    weights: StoredWeights, maximumSequences: Int, maximumLength: Int,
    precision: ProductPrecision, team: ComputeTeam = .shared
  ) throws(TrainingError) {
    configuration = weights.configuration
    guard maximumLength <= configuration.maxPositionEmbeddings else {
      throw .invalidRecipe([
        "sequence_length must be at most the teacher's max_position_embeddings,"
          + " \(configuration.maxPositionEmbeddings)"
      ])
    }
    self.maximumSequences = maximumSequences
    self.maximumLength = maximumLength
    model = StoredTransformer(
      weights: weights, maximumSequences: maximumSequences, maximumLength: maximumLength,
      precision: precision.whereFaster, team: team)
  }

  /// The teacher's view of a batch, for `HeadLoss`; valid until the next call.
  ///
  /// - Parameter relations: keeps the attention of the layers that it compares; nil: none.
  func forward(_ batch: TokenBatch, keeping relations: AttentionRelationLoss?) -> DenseTeacher {
    let keep = relations.map { relations in
      { (layer: Int, vectors: AttentionVectors) in
        relations.keepTeacher(
          layer: layer, vectors: vectors, lengths: batch.lengths, length: batch.length)
      }
    }
    let hidden = model.forward(batch, attention: keep)
    return DenseTeacher(hidden: hidden, width: configuration.hiddenSize) {
      [model] rows, count, into in
      model.head(rows, into: into, rows: count)
    }
  }

  /// Bytes that a teacher takes beside a student, its weights included; the chunk of its logits is
  /// `HeadLoss`'s.
  ///
  /// - Parameter weightBytes: as they will be held.
  package static func memoryBytes(
    _ configuration: ModelConfiguration, weightBytes: Int, sequences: Int, length: Int
  ) -> Int {
    let model = Transformer.memoryBytes(
      configuration: configuration, sequences: sequences, length: length, training: false)
    return model.total - model.parameters + weightBytes
  }

  /// What this teacher takes.
  func memoryBytes() -> Int {
    Self.memoryBytes(
      configuration, weightBytes: model.weights.byteCount, sequences: maximumSequences,
      length: maximumLength)
  }
}
