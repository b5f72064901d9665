package import Checkpoints
package import Kernels
package import Transformer

/// Packs a checkpoint's tensors one after the other: beside the packed model there is never more than
/// one matrix of floats, and none where the file's own floats will do.
struct CheckpointSource: TensorSource {
  private let weights: ModelWeights
  private let layout: ParameterLayout
  private let projections: DenseWeights.Storage
  private let embeddings: DenseWeights.Storage
  private let team: ComputeTeam
  /// A ternary matrix as floats.
  private let scratch: AlignedBuffer<Float>

  init(
    _ weights: ModelWeights, layout: ParameterLayout, projections: DenseWeights.Storage,
    embeddings: DenseWeights.Storage, team: ComputeTeam
  ) {
    self.weights = weights
    self.layout = layout
    self.projections = projections
    self.embeddings = embeddings
    self.team = team
    // Its pages take memory when they are first written.
    scratch = AlignedBuffer(
      count: layout.views.reduce(0) { $1.isTernary ? max($0, $1.count) : $0 })
  }

  func vector(_ name: String) throws(SafetensorsError) -> [Float]? {
    guard let view = layout[name] else { return nil }
    let floats = try weights.floats(name, shape: view.shape)
    return [Float](unsafeUninitializedCapacity: view.count) { buffer, count in
      if let base = buffer.baseAddress { floats.copy(0..<view.count, into: base) }
      count = view.count
    }
  }

  func embedding(_ name: String) throws(SafetensorsError) -> DenseWeights {
    try dense(view(name), embeddings)
  }

  func projection(_ name: String) throws(SafetensorsError) -> Projection {
    let view = view(name + ".weight")
    let weights: Projection.Weights =
      view.isTernary ? .packed(try ternary(view)) : .dense(try dense(view, projections))
    return Projection(weights: weights, bias: try vector(name + ".bias"))
  }

  private func dense(
    _ view: ParameterView, _ storage: DenseWeights.Storage
  ) throws(SafetensorsError) -> DenseWeights {
    let (rows, columns) = (view.shape[0], view.shape[1])
    let floats = try weights.floats(view.name, shape: view.shape)
    switch (floats.type, storage, floats.mapped) {
    case (.bfloat16, .bf16, let mapped?), (.float32, .fp32, let mapped?):
      guard let base = mapped.bytes.baseAddress else { break }
      return DenseWeights(
        WeightBytes(
          pointer: base.assumingMemoryBound(to: UInt8.self), count: mapped.bytes.count,
          owner: mapped.owner),
        rows: rows, columns: columns, storage: storage)
    default: break
    }
    defer { floats.release() }
    return DenseWeights(rows: rows, columns: columns, storage: storage, team: team) {
      floats.copy($0.lowerBound * columns..<$0.upperBound * columns, into: $1)
    }
  }

  private func ternary(_ view: ParameterView) throws(SafetensorsError) -> PackedTernary {
    func packed(_ values: UnsafePointer<Float>) -> PackedTernary {
      PackedTernary(quantizing: values, rows: view.shape[0], columns: view.shape[1], team: team)
    }
    guard !weights.holdsTrits else {
      try weights.copy(
        view.name, shape: view.shape, isTernary: true, into: scratch.pointer)
      return packed(scratch.pointer)
    }
    let floats = try weights.floats(view.name, shape: view.shape)
    defer { floats.release() }
    if floats.type == .float32, let base = floats.mapped?.bytes.baseAddress {
      return packed(base.assumingMemoryBound(to: Float.self))
    }
    team.parallelRows(view.count, grain: 1 << 14) {
      floats.copy($0, into: scratch.pointer + $0.lowerBound)
    }
    return packed(scratch.pointer)
  }

  private func view(_ name: String) -> ParameterView {
    guard let view = layout[name] else {
      preconditionFailure("the layout of this configuration has no \(name)")
    }
    return view
  }
}

extension InferenceModel {
  /// Packs a checkpoint tensor by tensor: the bits that its parameters give, without their memory.
  /// What is stored as it is to be kept stays where it lies in the mapped files.
  ///
  /// - Parameters:
  ///   - weights: checked to hold every tensor of `configuration`.
  ///   - storage, embeddings: as in `init(configuration:parameters:storage:embeddings:team:)`.
  /// - Throws: `ModelConfigurationError`, also for rows that are too long for exact sums;
  ///   `SafetensorsError`.
  package convenience init(
    _ weights: ModelWeights, configuration: ModelConfiguration,
    storage: DenseWeights.Storage = .bf16, embeddings: DenseWeights.Storage? = nil,
    team: ComputeTeam = .shared
  ) throws {
    let configuration = try configuration.validated()
    let layout = ParameterLayout(configuration)
    for view in layout.views where view.isMatrix {
      let isProjection = view.name.contains(".layers.")
      let limit =
        view.isTernary
        ? PackedTernary.columnLimit : (isProjection ? storage : embeddings ?? storage).columnLimit
      guard view.shape[1] < limit else {
        throw ModelConfigurationError(problems: [
          .init(
            field: view.name, value: "\(view.shape[1]) columns", expected: "fewer than \(limit)")
        ])
      }
    }
    try self.init(
      configuration,
      from: CheckpointSource(
        weights, layout: layout, projections: storage, embeddings: embeddings ?? storage,
        team: team))
  }
}
