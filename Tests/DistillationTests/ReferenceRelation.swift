import Foundation

@testable import Distillation

/// The attention relations of one kind of vectors, queries say, in double precision, as RECIPE §6 says
/// it: whole matrices, one after the other.
struct ReferenceRelation {
  let options: AttentionRelationOptions
  let heads: Int
  let lengths: [Int]
  /// T.
  let length: Int

  /// The sum over rows of KL(teacher ‖ student).
  ///
  /// - Parameters: vectors `[B·T, width]`.
  func divergence(
    student: [Double], studentWidth: Int, teacher: [Double], teacherWidth: Int
  ) -> Double {
    var sum = 0.0
    for sequence in lengths.indices {
      for head in 0..<heads {
        let studentVectors = vectors(sequence, head, student, studentWidth)
        let teacherVectors = vectors(sequence, head, teacher, teacherWidth)
        for row in 0..<lengths[sequence] {
          let (q, p) = (shares(row, teacherVectors), shares(row, studentVectors))
          for key in q.indices { sum += exp(q[key]) * (q[key] - p[key]) }
        }
      }
    }
    return sum
  }

  private func vectors(_ sequence: Int, _ head: Int, _ x: [Double], _ width: Int) -> [[Double]] {
    let size = width / heads
    return (0..<length).map { position in
      let first = (sequence * length + position) * width + head * size
      let vector = Array(x[first..<first + size])
      guard options.scale == .cosine else { return vector }
      let norm = dot(vector, vector).squareRoot()
      return norm == 0 ? vector : vector.map { $0 / norm }
    }
  }

  /// Logarithms of what a row gives the positions that it sees.
  private func shares(_ row: Int, _ vectors: [[Double]]) -> [Double] {
    let own = vectors[row]
    let divisor =
      Double(options.temperature)
      * (options.scale == .cosine ? 1 : Double(own.count).squareRoot())
    let scores = vectors[..<(options.isMasked ? row + 1 : length)].map { dot(own, $0) / divisor }
    let lse = log(scores.reduce(0) { $0 + exp($1) })
    return scores.map { $0 - lse }
  }

  private func dot(_ left: [Double], _ right: [Double]) -> Double {
    var sum = 0.0
    for index in left.indices { sum += left[index] * right[index] }
    return sum
  }
}
