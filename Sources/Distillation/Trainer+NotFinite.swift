internal import Transformer

extension Trainer {
  /// The first operation that gives a NaN or an infinity when these batches are computed again.
  ///
  /// A step is a pure function, so that what went wrong goes wrong again: a good step pays nothing
  /// for being able to name what was bad in a bad one. Gradients are overwritten, nothing else.
  func operationNotFinite(in batches: [MicroBatch]) -> String? {
    transformer.profiler.begin()
    transformer.profiler.looksForNonFinite = true
    defer { transformer.profiler.looksForNonFinite = false }
    _ = try? accumulateGradients(
      of: batches, losses: recipe.losses, relationWeight: state.relationWeight,
      isCancelled: { false })
    return transformer.profiler.firstNonFinite.map { found in
      found.operation.rawValue + (found.layer.map { " of layer \($0)" } ?? "")
    }
  }
}
