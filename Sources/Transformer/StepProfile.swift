/// Where the time of a step went, operation by operation. Always measured: it costs one reading of
/// the clock an operation, some microseconds a step.
package struct StepProfile: Codable, Equatable, Sendable {
  /// One operation, over all layers and micro-batches of the step.
  package struct Line: Codable, Equatable, Sendable {
    package let operation: StepOperation
    /// Wall time on the calling thread, waiting for the team included.
    package let seconds: Double
    /// How often it ran.
    package let calls: Int
    /// Multiplications and additions; 0 where memory is what counts.
    package let arithmetic: Double
    /// Bytes that it has to read and write at least; 0 where arithmetic is what counts.
    package let bytes: Double

    package init(
      operation: StepOperation, seconds: Double, calls: Int, arithmetic: Double, bytes: Double
    ) {
      self.operation = operation
      self.seconds = seconds
      self.calls = calls
      self.arithmetic = arithmetic
      self.bytes = bytes
    }

    /// Operations a second; 0 where none are counted.
    package var arithmeticPerSecond: Double { seconds > 0 ? arithmetic / seconds : 0 }
    /// Bytes a second; 0 where none are counted.
    package var bytesPerSecond: Double { seconds > 0 ? bytes / seconds : 0 }
  }

  /// The operations that ran, in the order of a step.
  package let lines: [Line]

  package init(lines: [Line]) {
    self.lines = lines
  }

  /// Everything together: the step's wall time.
  package var seconds: Double { lines.reduce(0) { $0 + $1.seconds } }

  /// The share of the time that matrices were multiplied in, 0 ... 1.
  package var productShare: Double {
    let products = lines.filter(\.operation.isProduct).reduce(0) { $0 + $1.seconds }
    return seconds > 0 ? products / seconds : 0
  }
}

/// A stopwatch with a lap for every operation: all time since the last lap belongs to the operation
/// that ends now, so that no time of a step goes unnamed. Used by the thread that drives the step.
package final class StepProfiler {
  private struct Sum {
    var duration = Duration.zero
    var calls = 0
    var arithmetic = 0
    var bytes = 0

    mutating func add(_ lap: Duration, arithmetic: Int, bytes: Int) {
      duration += lap
      calls += 1
      self.arithmetic += arithmetic
      self.bytes += bytes
    }
  }

  private var sums = [StepOperation: Sum]()
  private var last = ContinuousClock.now

  /// Whether what operations write is looked through for NaN and infinities: much slower, for the
  /// repetition of a step that met one.
  package var looksForNonFinite = false
  /// The first operation since `begin` that wrote a NaN or an infinity while they were looked for,
  /// and its layer, where it has one.
  package private(set) var firstNonFinite: (operation: StepOperation, layer: Int?)?
  /// The layer that is at work; nil outside of all.
  var layer: Int?

  package init() {}

  /// Forgets everything and starts the clock.
  package func begin() {
    sums.removeAll(keepingCapacity: true)
    firstNonFinite = nil
    last = .now
  }

  /// Ends `operation`.
  ///
  /// - Parameters:
  ///   - arithmetic: its multiplications and additions.
  ///   - bytes: what it had to read and write.
  ///   - wrote: `[count]`, its result.
  package func lap(
    _ operation: StepOperation, arithmetic: Int = 0, bytes: Int = 0,
    wrote: UnsafePointer<Float>? = nil, count: Int = 0
  ) {
    let now = ContinuousClock.now
    if looksForNonFinite, firstNonFinite == nil,
      !UnsafeBufferPointer(start: wrote, count: wrote == nil ? 0 : count).allSatisfy(\.isFinite)
    {
      firstNonFinite = (operation, layer)
    }
    sums[operation, default: Sum()].add(now - last, arithmetic: arithmetic, bytes: bytes)
    last = now
  }

  /// The laps since `begin`.
  package var profile: StepProfile {
    StepProfile(
      lines: StepOperation.allCases.compactMap { operation in
        guard let sum = sums[operation] else { return nil }
        let (seconds, attoseconds) = sum.duration.components
        return StepProfile.Line(
          operation: operation, seconds: Double(seconds) + Double(attoseconds) * 1e-18,
          calls: sum.calls, arithmetic: Double(sum.arithmetic), bytes: Double(sum.bytes))
      })
  }
}
