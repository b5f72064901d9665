/// The loss curves of two ways to compute the same training, over several seeds.
///
/// Seeds change the first weights and the order of the data: how far their curves lie apart is the
/// noise of the training. A way to compute that changes the mean curve by less cannot be told from
/// another seed.
package struct LossCurves: Sendable {
  /// Some steps, each curve's mean over them.
  package struct Window: Sendable {
    /// The steps.
    package let steps: Range<Int>
    /// The reference's mean over the seeds.
    package let reference: Double
    /// The other's mean over the seeds.
    package let other: Double
    /// The reference's highest seed minus its lowest, here or in a neighbouring window: three seeds
    /// may lie together by luck.
    package let noise: Double

    /// How far the means lie apart.
    package var difference: Double { abs(other - reference) }
  }

  /// The windows, in order.
  package let windows: [Window]

  /// - Parameters:
  ///   - reference: a loss for each step, of each seed; not empty, all of one length.
  ///   - other: the same, of the same seeds.
  ///   - windowSteps: steps of a window, which a single batch's luck must not decide.
  package init(reference: [[Double]], other: [[Double]], windowSteps: Int) {
    let steps = reference.first?.count ?? 0
    precondition(
      reference.count == other.count && (reference + other).allSatisfy { $0.count == steps },
      "both must have the same seeds and steps")
    let ranges = stride(from: 0, to: steps, by: windowSteps).map {
      $0..<min(steps, $0 + windowSteps)
    }
    let spreads = ranges.map { range in
      let means = reference.map { Self.mean($0[range]) }
      return (means.max() ?? 0) - (means.min() ?? 0)
    }
    windows = ranges.indices.map { index in
      let range = ranges[index]
      return Window(
        steps: range, reference: Self.mean(reference.map { Self.mean($0[range]) }[...]),
        other: Self.mean(other.map { Self.mean($0[range]) }[...]),
        noise: spreads[max(0, index - 1)...min(spreads.count - 1, index + 1)].max() ?? 0)
    }
  }

  /// The windows in which the two lie further apart than seeds do.
  package var outside: [Window] { windows.filter { $0.difference > $0.noise } }

  private static func mean(_ values: ArraySlice<Double>) -> Double {
    values.reduce(0, +) / Double(max(1, values.count))
  }
}
