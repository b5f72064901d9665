/// The dynamic loss scale that keeps fp16 gradients in range (RECIPE §3).
package struct LossScaler: Codable, Equatable, Sendable {
  /// 2^16.
  package static let initialScale: Float = 65536
  /// Clean steps before the scale is doubled.
  package static let growthInterval = 2000

  /// What the loss is multiplied by.
  package private(set) var scale: Float
  /// Steps without a non-finite gradient since the scale changed.
  package private(set) var cleanSteps = 0

  enum CodingKeys: String, CodingKey {
    case scale
    case cleanSteps = "clean_steps"
  }

  /// Starts at 2^16.
  package init(scale: Float = initialScale) {
    self.scale = scale
  }

  /// After a step with finite gradients: ×2 every 2000 of them.
  package mutating func stepWasClean() {
    cleanSteps += 1
    guard cleanSteps == Self.growthInterval else { return }
    scale *= 2
    cleanSteps = 0
  }

  /// After a step that was skipped for a non-finite gradient: ×0.5.
  ///
  /// - Returns: false when the scale is used up: at 1, the numbers themselves are at fault.
  package mutating func stepOverflowed() -> Bool {
    cleanSteps = 0
    guard scale > 1 else { return false }
    scale *= 0.5
    return true
  }
}
