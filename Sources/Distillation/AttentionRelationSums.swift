/// What the attention-relation loss adds up over rows: a row is one position of one relation head in
/// one layer, and has a divergence for each of queries, keys and values.
///
/// Sums, not means, so that micro-batches and layers add.
package struct AttentionRelationSums: Equatable, Sendable {
  /// Rows, padding not counted.
  package var rows = 0
  /// Sums over the rows of KL(teacher ‖ student).
  package var queries = 0.0
  package var keys = 0.0
  package var values = 0.0
  /// The squared norms of the sums' gradients by the student's queries, keys and values, all of them
  /// without a weight.
  package var queryGradientSquare = 0.0
  package var keyGradientSquare = 0.0
  package var valueGradientSquare = 0.0

  /// Nothing yet.
  package init() {}

  /// The term: the mean over the rows, and so over the layers, summed over queries, keys and values.
  package var mean: Double { (queries + keys + values) / Double(max(1, rows)) }

  /// The norm of the gradient of `mean` by the vectors of all layers; layers are counted as if they
  /// did not depend on each other.
  package var gradientNorm: Double {
    (queryGradientSquare + keyGradientSquare + valueGradientSquare).squareRoot()
      / Double(max(1, rows))
  }

  /// Both together.
  package static func += (left: inout AttentionRelationSums, right: AttentionRelationSums) {
    left.rows += right.rows
    left.queries += right.queries
    left.keys += right.keys
    left.values += right.values
    left.queryGradientSquare += right.queryGradientSquare
    left.keyGradientSquare += right.keyGradientSquare
    left.valueGradientSquare += right.valueGradientSquare
  }
}
