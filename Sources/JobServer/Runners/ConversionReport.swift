internal import Evaluation
internal import Kernels
internal import Transformer

/// What `convert_report.json` holds: what a conversion does to a model before anything is trained.
struct ConversionReport: Codable {
  /// How one matrix is rounded.
  struct Matrix: Codable, Equatable, Sendable {
    let name: String
    /// `[outputs, inputs]`.
    let shape: [Int]
    /// Δ = mean|w|.
    let scale: Double
    let minusShare: Double
    let zeroShare: Double
    let plusShare: Double
    /// ‖W − Wq‖ / ‖W‖; null for a matrix of zeros.
    @Measured var relativeError: Double?
  }

  /// What held-out text shows.
  struct Drift: Codable, Equatable, Sendable {
    /// Pieces or pairs.
    var texts = 0
    /// Of the longest.
    var longestTokens = 0
    /// The model as it was; nothing to compare it with.
    var original = HeldOutScores()
    /// With SubLN, not rounded; null for a model that had it.
    @Measured var subNorm: HeldOutScores?
    /// With SubLN and rounded, at 8-bit activations; null when the projections stay as they are.
    @Measured var ternary: HeldOutScores?
  }

  var source: String
  var parameters: Int
  var quantization: String
  var blockHadamard: Bool
  var addedNorms: Int
  /// Of the rounded matrices, in the order of the model.
  var matrices: [Matrix] = []
  /// Over all of them; null when none is rounded.
  @Measured var zeroShare: Double?
  @Measured var relativeError: Double?
  /// Null without a corpus.
  @Measured var drift: Drift?

  init(_ conversion: ModelConversion, source: String) {
    self.source = source
    parameters = conversion.target.parameterCount
    quantization = conversion.target.quantization.rawValue
    blockHadamard = conversion.target.usesHadamard
    addedNorms = conversion.addedNorms
  }

  /// Rounds every ternary matrix of `weights`, and notes what that leaves over.
  mutating func measure(_ weights: Parameters, team: ComputeTeam) {
    let views = weights.layout.views.filter(\.isTernary)
    let trits = AlignedBuffer<UInt8>(
      count: TritCounts.previousBytes(count: views.map(\.count).max() ?? 1))
    var (zeros, elements, errors, squares) = (0, 0, 0.0, 0.0)
    for view in views {
      let values = weights.values + view.offset
      let mean = sumOfMagnitudes(values, count: view.count, team: team) / Double(view.count)
      let scale = max(Float(mean), 1e-5)
      var counts = TritCounts()
      counts.add(values, scale: scale, previous: trits.pointer, count: view.count, team: team)
      let error = squaredRoundingError(values, scale: scale, count: view.count, team: team)
      let square = squaredNorm(values, count: view.count, team: team)
      matrices.append(
        Matrix(
          name: view.name, shape: view.shape, scale: Double(scale),
          minusShare: Double(counts.minus) / Double(view.count),
          zeroShare: Double(counts.zero) / Double(view.count),
          plusShare: Double(counts.plus) / Double(view.count),
          relativeError: square > 0 ? (error / square).squareRoot() : nil))
      zeros += counts.zero
      elements += view.count
      errors += error
      squares += square
    }
    zeroShare = elements > 0 ? Double(zeros) / Double(elements) : nil
    relativeError = squares > 0 ? (errors / squares).squareRoot() : nil
  }
}
