// Where the time of a run's steps goes, beside what the machine can do.
//
// Products are held against the machine's peak in the arithmetic that they use, everything else
// against the bytes a second that it reads and writes memory with. What an operation finds in a
// core's cache may be faster than memory: a share above 1 says so.

package import Kernels
package import Transformer

/// The mean step of a run, operation by operation: `profile` of a job's health.
package struct RunProfile: Codable, Equatable, Sendable {
  /// What bounds an operation.
  package enum Limit: String, Codable, Sendable {
    case int8, int16, bf16, fp32, memory
  }

  /// One operation, over all layers and micro-batches of a step.
  package struct Operation: Codable, Equatable, Sendable {
    /// Its name (Transformer/StepOperation.swift).
    package let operation: StepOperation
    /// How often it runs in a step.
    package let calls: Double
    /// Wall time in a step.
    package let seconds: Double
    /// Its part of the step, 0 ... 1.
    package let share: Double
    /// What bounds it.
    package let limit: Limit
    /// Operations a second, or bytes a second where memory bounds it; null where neither is counted.
    @OrNull package var perSecond: Double?
    /// The machine's measured peak in the same unit; null when it was not measured.
    @OrNull package var peakPerSecond: Double?
    /// `perSecond / peakPerSecond`.
    @OrNull package var shareOfPeak: Double?

    enum CodingKeys: String, CodingKey {
      case operation, calls, seconds, share, limit
      case perSecond = "per_s"
      case peakPerSecond = "peak_per_s"
      case shareOfPeak = "share_of_peak"
    }
  }

  /// Steps that this is the mean of.
  package let steps: Int
  /// The mean step.
  package let stepSeconds: Double
  /// The part of it in which matrices are multiplied, 0 ... 1.
  package let productShare: Double
  /// What the machine can do with all threads of the team; null when it was not measured.
  @OrNull package var machine: MachinePeaks?
  /// The operations, in the order of a step.
  package let operations: [Operation]

  enum CodingKeys: String, CodingKey {
    case steps, machine, operations
    case stepSeconds = "step_s"
    case productShare = "product_share"
  }
}

/// The profiles of a run's steps, added up.
struct ProfileSum {
  private var steps = 0
  private var sums:
    [StepOperation: (seconds: Double, calls: Int, arithmetic: Double, bytes: Double)] = [:]

  mutating func add(_ profile: StepProfile) {
    steps += 1
    for line in profile.lines {
      let sum = sums[line.operation, default: (0, 0, 0, 0)]
      sums[line.operation] = (
        sum.seconds + line.seconds, sum.calls + line.calls, sum.arithmetic + line.arithmetic,
        sum.bytes + line.bytes
      )
    }
  }

  /// The mean; nil before the first step.
  func mean(
    of recipe: TrainingRecipe, quantization: ModelConfiguration.Quantization,
    machine: MachinePeaks?
  ) -> RunProfile? {
    guard steps > 0 else { return nil }
    let total = sums.values.reduce(0) { $0 + $1.seconds }
    let products = sums.filter(\.key.isProduct).values.reduce(0) { $0 + $1.seconds }
    let operations = StepOperation.allCases.compactMap { operation -> RunProfile.Operation? in
      guard let sum = sums[operation] else { return nil }
      let limit = operation.limit(in: recipe, quantization: quantization)
      let amount = limit == .memory ? sum.bytes : sum.arithmetic
      let rate = amount > 0 && sum.seconds > 0 ? amount / sum.seconds : nil
      let peak = machine?.peak(of: limit)
      return RunProfile.Operation(
        operation: operation, calls: Double(sum.calls) / Double(steps),
        seconds: sum.seconds / Double(steps), share: total > 0 ? sum.seconds / total : 0,
        limit: limit, perSecond: rate, peakPerSecond: peak,
        shareOfPeak: rate.flatMap { rate in peak.map { rate / $0 } })
    }
    return RunProfile(
      steps: steps, stepSeconds: total / Double(steps),
      productShare: total > 0 ? products / total : 0, machine: machine, operations: operations)
  }
}

extension MachinePeaks {
  /// In operations a second, or in bytes a second that are read and written.
  fileprivate func peak(of limit: RunProfile.Limit) -> Double {
    switch limit {
    case .int8: int8PerSecond
    case .int16: int16PerSecond
    case .bf16: bf16PerSecond
    case .fp32: fp32PerSecond
    case .memory: updateBytesPerSecond
    }
  }
}

extension StepOperation {
  /// What bounds this operation in such a run.
  func limit(
    in recipe: TrainingRecipe, quantization: ModelConfiguration.Quantization
  ) -> RunProfile.Limit {
    guard isProduct else { return .memory }
    let floats: RunProfile.Limit =
      switch recipe.productPrecision {
      case .fp32: .fp32
      case .bf16: .bf16
      // Attention has no kernel in integers.
      case .int16: self == .attention || self == .attentionBackward ? .fp32 : .int16
      }
    return switch self {
    case .queryKeyValue, .attentionOutput, .gateUp, .down:
      quantization == .ternary ? .int8 : floats
    default: floats
    }
  }
}
