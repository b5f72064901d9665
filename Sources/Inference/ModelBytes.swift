package import Kernels
package import Transformer

/// What the weights of a model take in memory, in bytes.
package struct ModelBytes: Codable, Equatable, Sendable {
  /// The seven projections of every block.
  package var projections: Int
  /// The embedding, and the head when it is not tied.
  package var embeddings: Int
  /// Gains and biases.
  package var norms: Int

  package init(projections: Int, embeddings: Int, norms: Int) {
    self.projections = projections
    self.embeddings = embeddings
    self.norms = norms
  }

  package var total: Int { projections + embeddings + norms }

  /// What a model of `configuration` will take, before it is made.
  package init(
    predicting configuration: ModelConfiguration, storage: DenseWeights.Storage = .bf16,
    embeddings: DenseWeights.Storage? = nil
  ) {
    self.init(projections: 0, embeddings: 0, norms: 0)
    let isTernary = configuration.quantization == .ternary
    for view in ParameterLayout(configuration).views {
      switch (view.isMatrix, view.isTernary && isTernary) {
      case (true, true):
        projections += PackedTernary.byteCount(rows: view.shape[0], columns: view.shape[1])
      case (true, false) where view.name.contains(".layers."):
        projections += storage.byteCount(rows: view.shape[0], columns: view.shape[1])
      case (true, false):
        self.embeddings += (embeddings ?? storage).byteCount(
          rows: view.shape[0], columns: view.shape[1])
      case (false, _):
        norms += view.count * MemoryLayout<Float>.stride
      }
    }
  }
}

/// What a session takes beside the model, in bytes.
package struct SessionBytes: Codable, Equatable, Sendable {
  /// Keys and values of all sequences at their full length; they take it as they grow.
  package var keyValueCache: Int
  /// Activations of one chunk, logits, and rotary tables.
  package var scratch: Int

  package var total: Int { keyValueCache + scratch }

  /// What a session will take, before it is made.
  package init(
    predicting configuration: ModelConfiguration, maximumSequences: Int, maximumLength: Int,
    cachePositions: Int? = nil, cachePrecision: CachePrecision = .fp16
  ) {
    keyValueCache = KeyValueCache.byteCount(
      configuration, sequences: maximumSequences, maximumLength: maximumLength,
      positions: cachePositions, precision: cachePrecision)
    scratch =
      Workspace.byteCount(configuration, maximumSequences: maximumSequences)
      + RotaryTables.byteCount(configuration, maximumLength: maximumLength)
  }
}
