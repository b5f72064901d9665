/// What one layer's attention works on, as it is seen between two operations of a step: queries and
/// keys after QK-norm and RoPE, keys and values before they are repeated for their groups of heads.
///
/// Valid during the call that hands it out. Rows of padded positions hold finite numbers without a
/// meaning.
package struct AttentionVectors {
  /// `[N, queryWidth]`
  package let queries: UnsafePointer<Float>
  /// `[N, keyValueWidth]`
  package let keys: UnsafePointer<Float>
  /// `[N, keyValueWidth]`
  package let values: UnsafePointer<Float>
  /// Heads times their width.
  package let queryWidth: Int
  /// Heads of keys and values times their width.
  package let keyValueWidth: Int

  /// - Parameters: as the properties.
  package init(
    queries: UnsafePointer<Float>, keys: UnsafePointer<Float>, values: UnsafePointer<Float>,
    queryWidth: Int, keyValueWidth: Int
  ) {
    self.queries = queries
    self.keys = keys
    self.values = values
    self.queryWidth = queryWidth
    self.keyValueWidth = keyValueWidth
  }
}

/// The loss's gradients by one layer's `AttentionVectors`, of their shapes, to which more may be
/// added: what is there comes from the attention itself, and is 0 in rows of padded positions.
package struct AttentionGradients {
  package let dqueries: UnsafeMutablePointer<Float>
  package let dkeys: UnsafeMutablePointer<Float>
  package let dvalues: UnsafeMutablePointer<Float>

  /// - Parameters: as the properties.
  package init(
    dqueries: UnsafeMutablePointer<Float>, dkeys: UnsafeMutablePointer<Float>,
    dvalues: UnsafeMutablePointer<Float>
  ) {
    self.dqueries = dqueries
    self.dkeys = dkeys
    self.dvalues = dvalues
  }
}
