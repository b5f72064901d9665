// While a run ramps its quantization up, a projection computes with
//
//   W̃ = (1 − λ) W + λ Q(W)    and    x̃ = (1 − λ) x + λ Q(x),    y = x̃ W̃ᵀ
//
// in floats. Both quantizers are straight-through as ever: dx = dy W̃, dW = dyᵀ x̃. At λ = 1 that is
// what the integers give, but for rounding. The floats lie in memory that is there as long as the
// ramp lasts: every projection's input, which the backward pass needs, and one matrix, mixed anew
// before each product.

internal import Kernels

/// What a step at partial strength computes with.
struct QuantizationMixing {
  /// λ, 0 ... 1.
  let strength: Float
  /// All projections' inputs, each at its `ProjectionInput.place`.
  let inputs: UnsafeMutablePointer<Float>
  /// Room for the largest matrix.
  private let matrix: UnsafeMutablePointer<Float>

  fileprivate init(
    strength: Float, inputs: UnsafeMutablePointer<Float>, matrix: UnsafeMutablePointer<Float>
  ) {
    self.strength = strength
    self.inputs = inputs
    self.matrix = matrix
  }

  /// W̃, `[outputs, inputs]`, valid until the next call.
  func weights(
    _ latent: UnsafePointer<Float>, _ trits: TernaryWeights, team: ComputeTeam
  ) -> UnsafePointer<Float> {
    mixTernary(
      latent, count: trits.rows * trits.columns, scale: trits.scale, strength: strength,
      into: matrix, team: team)
    return UnsafePointer(matrix)
  }
}

/// The memory of a ramp.
struct MixingMemory {
  private let inputs: AlignedBuffer<Float>
  private let matrix: AlignedBuffer<Float>

  /// - Parameter inputCount: floats of all projections' inputs.
  init(_ layout: ParameterLayout, inputCount: Int) {
    inputs = AlignedBuffer(count: max(1, inputCount))
    matrix = AlignedBuffer(count: Self.matrixCount(layout))
  }

  /// Bytes that `init` takes.
  static func bytes(_ layout: ParameterLayout, inputCount: Int) -> Int {
    (max(1, inputCount) + matrixCount(layout)) * MemoryLayout<Float>.stride
  }

  private static func matrixCount(_ layout: ParameterLayout) -> Int {
    layout.views.filter(\.isTernary).map(\.count).max() ?? 1
  }

  /// With this strength.
  func mixing(_ strength: Float) -> QuantizationMixing {
    QuantizationMixing(strength: strength, inputs: inputs.pointer, matrix: matrix.pointer)
  }
}
