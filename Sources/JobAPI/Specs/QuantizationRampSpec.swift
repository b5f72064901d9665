/// How long quantization is ramped up (RECIPE 7, stage 2).
package enum QuantizationRampSpec: Equatable, Sendable {
  case steps(Int)
  /// Of all steps of the training.
  case fraction(Double)

  /// Steps of the ramp in a training of `total`: 1 or more.
  package func steps(of total: Int) -> Int {
    switch self {
    case .steps(let steps): steps
    case .fraction(let fraction): max(1, Int((Double(total) * fraction).rounded()))
    }
  }

  static let table = FieldTable(
    "QuantizationRamp",
    "Quantization that counts more from step to step, from nothing to all of it.",
    initial: QuantizationRampSpec.fraction(0.1),
    fields: [
      .exclusive(
        \.self, .required,
        [
          Alternative(
            "steps", .integer(1...1_000_000_000),
            "Steps before the first that is quantized entirely.",
            wrap: { .steps($0) },
            unwrap: { if case .steps(let steps) = $0 { steps } else { nil } }),
          Alternative(
            "fraction", .number(above: 0, through: 1), "The same as a share of all steps.",
            wrap: { .fraction($0) },
            unwrap: { if case .fraction(let fraction) = $0 { fraction } else { nil } }),
        ])
    ])
}
