/// Quantization that is ramped up in the first steps of a run, so that a full-precision model becomes
/// a ternary one little by little (RECIPE §7, stage 2).
package struct QuantizationRamp: Codable, Equatable, Sendable {
  /// Steps before the first one that is quantized entirely, 1 or more.
  package var steps: Int

  /// - Parameter steps: as the property.
  package init(steps: Int) { self.steps = steps }

  /// λ of a step, counted from 0: a line from 0 on; nil from the end of the ramp on, when integers
  /// compute as if there had never been one.
  package func strength(atStep step: Int) -> Float? {
    step < steps ? Float(Double(step) / Double(steps)) : nil
  }
}
