package import Checkpoints
import Foundation
package import Kernels
package import Transformer

extension LocalTeacher {
  /// A teacher over a checkpoint's own bytes: matrices in bf16 or fp32 are computed with where they
  /// lie in the mapped files, and nothing is copied but gains and biases.
  ///
  /// - Parameters:
  ///   - weights: checked to be those of `configuration`, which has no ternary projections.
  ///   - precision: how products round; nil is bf16 for weights in bf16, and else fp32.
  /// - Throws: `ModelConfigurationError`, `SafetensorsError`.
  package convenience init(
    _ weights: ModelWeights, configuration: ModelConfiguration, maximumLength: Int,
    batchRows: Int = 2048, precision: ProductPrecision? = nil, team: ComputeTeam = .shared
  ) throws {
    try self.init(
      weights: StoredWeights(weights, configuration: configuration, team: team),
      maximumLength: maximumLength, batchRows: batchRows, precision: precision, team: team)
  }
}

extension StoredWeights {
  /// A checkpoint's weights where they lie in the mapped files; gains, biases and matrices of other
  /// formats are copied.
  ///
  /// - Parameters:
  ///   - weights: checked to be those of `configuration`, which has no ternary projections.
  ///   - storage: what matrices are kept in; nil: what they are stored in. Another than that takes a
  ///     copy.
  /// - Throws: `ModelConfigurationError`, `SafetensorsError`.
  package convenience init(
    _ weights: ModelWeights, configuration: ModelConfiguration,
    storage: DenseWeights.Storage? = nil, team: ComputeTeam = .shared
  ) throws {
    try self.init(
      configuration,
      matrix: { view in
        try DenseWeights(stored: weights, view: view, storage: storage, team: team)
      },
      copyVector: { view, values in
        try weights.copy(view.name, shape: view.shape, isTernary: false, into: values)
      })
  }
}

extension DenseWeights {
  /// A matrix of a checkpoint: mapped where its format is the wanted one, else a copy.
  fileprivate convenience init(
    stored weights: ModelWeights, view: ParameterView, storage wanted: Storage?, team: ComputeTeam
  ) throws(SafetensorsError) {
    let (file, info) = try weights.stored(view.name, shape: view.shape)
    let storage: Storage? =
      switch info.type {
      case .bfloat16: .bf16
      case .float32: .fp32
      default: nil
      }
    let bytes = file.withBytes(of: info) { $0 }
    if let storage, storage == wanted ?? storage, let base = bytes.baseAddress,
      Int(bitPattern: base) % info.type.bytes == 0
    {
      let mapped = WeightBytes(
        pointer: base.assumingMemoryBound(to: UInt8.self), count: bytes.count,
        owner: file.mapping)
      self.init(mapped, rows: view.shape[0], columns: view.shape[1], storage: storage)
      return
    }
    let floats = AlignedBuffer<Float>(count: view.count)
    try weights.copy(view.name, shape: view.shape, isTernary: false, into: floats.pointer)
    self.init(
      UnsafePointer(floats.pointer), rows: view.shape[0], columns: view.shape[1],
      storage: wanted ?? storage ?? .fp32, team: team)
  }
}
