import Foundation

@testable import Distillation

/// The loss of one row in double precision, written as RECIPE §4 and §5 say it, with neither fusion
/// nor care for speed: what `HeadLoss` must agree with.
struct ReferenceHeadLoss {
  var weights: LossWeights

  struct Terms {
    var kd = 0.0
    var ce = 0.0
  }

  /// - Parameters:
  ///   - logits: `[V]`.
  ///   - candidates: usable ids and log-probabilities; empty: no teacher signal.
  func row(
    logits: [Double], target: Int, candidates: [(id: Int, logprob: Double)], other: Double
  ) -> Terms {
    let lse = logSumExp(logits)
    var terms = Terms()
    terms.ce = lse - logits[target]
    guard !candidates.isEmpty else { return terms }
    let taken = Set(candidates.map(\.id))
    let rest = logits.indices.filter { !taken.contains($0) }.map { logits[$0] }
    var student = candidates.map { logits[$0.id] - lse }
    var teacher = candidates.map(\.logprob)
    if !rest.isEmpty {
      student.append(logSumExp(rest) - lse)
      teacher.append(other)
    }
    let temperature = Double(weights.kd.temperature)
    terms.kd =
      Double(weights.kd.factor)
      * divergence(logSoftmax(teacher, temperature), logSoftmax(student, temperature))
    return terms
  }

  private func divergence(_ teacher: [Double], _ student: [Double]) -> Double {
    func kullbackLeibler(_ left: [Double], _ right: [Double]) -> Double {
      zip(left, right).reduce(0) { sum, pair in
        let mass = exp(pair.0)
        return mass > 0 ? sum + mass * (pair.0 - pair.1) : sum
      }
    }
    switch weights.kd.divergence {
    case .forward: return kullbackLeibler(teacher, student)
    case .reverse: return kullbackLeibler(student, teacher.map { max($0, -80) })
    case .jensenShannon:
      let middle = zip(teacher, student).map { log((exp($0) + exp($1)) / 2) }
      return (kullbackLeibler(teacher, middle) + kullbackLeibler(student, middle)) / 2
    }
  }

  private func logSoftmax(_ values: [Double], _ temperature: Double) -> [Double] {
    let softened = values.map { $0 / temperature }
    let sum = logSumExp(softened)
    return softened.map { $0 - sum }
  }

  private func logSumExp(_ values: [Double]) -> Double {
    let largest = values.max() ?? -.infinity
    guard largest > -.infinity else { return largest }
    return largest + log(values.reduce(0) { $0 + exp($1 - largest) })
  }
}
