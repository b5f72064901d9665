internal import Foundation

/// The formulas of RECIPE §1 and §2 in double precision, one row or one head at a time.
///
/// This is the specification: plain loops, no shared work, nothing saved. The fast operations are
/// compared with it, and their gradients with its central differences.
package enum ReferenceOperations {
  /// x / √(mean(x²) + ε) · gain, for one row.
  package static func rmsNorm(_ x: [Double], gain: [Double], epsilon: Double) -> [Double] {
    let meanSquare = x.reduce(0) { $0 + $1 * $1 } / Double(x.count)
    let inverse = 1 / (meanSquare + epsilon).squareRoot()
    return zip(x, gain).map { $0 * inverse * $1 }
  }

  /// One head, turned by the angles of `position`: pairs (i, i + D/2).
  package static func rotate(
    _ head: [Double], position: Int, by rotary: RotaryFrequencies
  ) -> [Double] {
    var turned = head
    let half = head.count / 2
    for pair in 0..<half {
      let angle = Double(position) * rotary.frequencies[pair]
      let (cosine, sine) = (cos(angle) * rotary.amplitude, sin(angle) * rotary.amplitude)
      turned[pair] = head[pair] * cosine - head[pair + half] * sine
      turned[pair + half] = head[pair + half] * cosine + head[pair] * sine
    }
    return turned
  }

  /// Causal softmax attention of one head. All `[T][D]`.
  package static func attention(
    queries: [[Double]], keys: [[Double]], values: [[Double]]
  ) -> [[Double]] {
    queries.enumerated().map { position, query in
      let scale = 1 / Double(query.count).squareRoot()
      let scores = keys[...position].map { key in
        zip(query, key).reduce(0) { $0 + $1.0 * $1.1 } * scale
      }
      let maximum = scores.max() ?? 0
      let weights = scores.map { exp($0 - maximum) }
      let sum = weights.reduce(0, +)
      return query.indices.map { column in
        zip(weights, values).reduce(0) { $0 + $1.0 * $1.1[column] } / sum
      }
    }
  }

  /// activation(gate) · up, one element.
  package static func gated(
    _ activation: ModelConfiguration.Activation, gate: Double, up: Double
  ) -> Double {
    switch activation {
    case .silu: gate / (1 + exp(-gate)) * up
    case .relu2: max(0, gate) * max(0, gate) * up
    }
  }

  /// x · wᵀ (+ bias), for one row. w: `[outputs, x.count]`.
  package static func project(_ x: [Double], _ w: [Double], bias: [Double]? = nil) -> [Double] {
    (0..<w.count / x.count).map { output in
      var sum = bias?[output] ?? 0
      for input in x.indices { sum += x[input] * w[output * x.count + input] }
      return sum
    }
  }

  /// Δ · trit of every weight: Δ = max(mean|w|, 1e-5), trit = clip(round(w/Δ), −1, 1), ties to even.
  package static func ternary(_ weights: [Double]) -> [Double] {
    let mean = weights.reduce(0) { $0 + abs($1) } / Double(weights.count)
    let scale = max(mean, 1e-5)
    return weights.map { min(1, max(-1, ($0 / scale).rounded(.toNearestOrEven))) * scale }
  }

  /// code / s of one token with 8 bits: s = 127 / max(max|x|, 1e-5).
  package static func eightBits(_ x: [Double]) -> [Double] {
    let scale = 127 / max(x.reduce(0) { max($0, abs($1)) }, 1e-5)
    return x.map { min(127, max(-128, ($0 * scale).rounded(.toNearestOrEven))) / scale }
  }

  /// code / s of one token with 4 bits: s = √7 / max(mean|x|, 1e-5).
  package static func fourBits(_ x: [Double]) -> [Double] {
    let mean = x.reduce(0) { $0 + abs($1) } / Double(x.count)
    let scale = 7.0.squareRoot() / max(mean, 1e-5)
    return x.map { min(7, max(-8, ($0 * scale).rounded(.toNearestOrEven))) / scale }
  }

  /// The orthonormal Hadamard transform of every block of one row; the block is the largest power of
  /// two that divides the row. H[i][j] = (−1)^(number of common one bits of i and j) / √block.
  package static func hadamard(_ x: [Double]) -> [Double] {
    let block = x.count & -x.count
    return x.indices.map { index in
      let first = index / block * block
      var sum = 0.0
      for other in 0..<block {
        let sign = ((index - first) & other).nonzeroBitCount % 2 == 0 ? 1.0 : -1.0
        sum += sign * x[first + other]
      }
      return sum / Double(block).squareRoot()
    }
  }
}
