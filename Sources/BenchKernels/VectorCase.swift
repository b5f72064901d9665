import Kernels

/// An operation whose limit is memory: what it reads and writes, over the time.
struct VectorCase {
  let name: String
  let bytes: Double
  let work: () -> Void

  /// The passes of a step over `shape`'s largest projection and activations.
  static func all(of shape: KernelShape, team: ComputeTeam) -> [VectorCase] {
    let (tokens, width) = (shape.tokens, 3 * shape.hidden)
    let count = 16 << 20
    let vectors = (0..<4).map { _ in AlignedBuffer<Float>(count: count) }
    let weights = vectors[0].pointer
    for vector in vectors.prefix(2) {
      fillNormal(vector.pointer, count: count, deviation: 0.02, seed: 3, team: team)
    }
    let trits = TernaryWeights(rows: width, columns: shape.hidden)
    let matrix = width * shape.hidden
    // One matrix after the other, as in a step: none is in a cache when its turn comes.
    let matrices = count / matrix
    let codes = AlignedBuffer<Int8>(count: tokens * width)
    let scales = AlignedBuffer<Float>(count: tokens)
    let name = shape.rawValue
    return [
      VectorCase(name: "\(name)/quantize-activations", bytes: Double(5 * tokens * width)) {
        quantizeActivations(
          weights, rows: tokens, columns: width, bits: .eight, codes: codes.pointer,
          scales: scales.pointer, team: team)
      },
      VectorCase(name: "\(name)/quantize-weights", bytes: Double(5 * matrices * matrix)) {
        for index in 0..<matrices {
          trits.quantize(from: weights + index * matrix, team: team)
        }
      },
      VectorCase(name: "\(name)/gradient-norm", bytes: Double(4 * count)) {
        _ = squaredNorm(weights, count: count, team: team)
      },
      VectorCase(name: "\(name)/adamw", bytes: Double(28 * count)) {
        adamW(
          weights: weights, gradients: vectors[1].pointer, firstMoments: vectors[2].pointer,
          secondMoments: vectors[3].pointer, count: count,
          step: AdamWStep(learningRate: 1e-4, number: 1), team: team)
      },
    ]
  }
}
