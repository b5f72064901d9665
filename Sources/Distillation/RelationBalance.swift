/// How γ of the attention relations is found when nobody gave it (RECIPE §6).
///
/// Every fifth of the first 50 steps measures the gradient of the weighted cross-entropy and that of
/// the relations, each alone and by all parameters; γ makes their mean norms equal, and stays what it
/// is after the last measurement.
package struct RelationBalance: Codable, Equatable, Sendable {
  /// Steps in which γ moves.
  package static let steps = 50
  /// Steps from one measurement to the next.
  package static let interval = 5

  /// Sum of the cross-entropy's gradient norms.
  package private(set) var crossEntropyNorm = 0.0
  /// Sum of the relations' gradient norms, at γ = 1.
  package private(set) var relationNorm = 0.0
  /// How many of each there are.
  package private(set) var measurements = 0

  enum CodingKeys: String, CodingKey {
    case measurements
    case crossEntropyNorm = "cross_entropy_norm"
    case relationNorm = "relation_norm"
  }

  /// Nothing measured yet.
  package init() {}

  /// γ; 1 as long as nothing was measured, or relations that agree already have no gradient.
  package var weight: Double { relationNorm > 0 ? crossEntropyNorm / relationNorm : 1 }

  /// Whether a step measures.
  static func measures(atStep step: Int) -> Bool { step < steps && step % interval == 0 }

  mutating func add(crossEntropyNorm: Double, relationNorm: Double) {
    self.crossEntropyNorm += crossEntropyNorm
    self.relationNorm += relationNorm
    measurements += 1
  }
}
