/// Everything that is wrong with a configuration, at once.
package struct ModelConfigurationError: Error, Equatable, Sendable, CustomStringConvertible {
  /// One field that cannot be as it is.
  package struct Problem: Equatable, Sendable {
    /// The field's name in JSON, such as `num_attention_heads`.
    package let field: String
    package let value: String
    /// What would be accepted, as the end of "expected …".
    package let expected: String

    /// - Parameters: as the properties.
    package init(field: String, value: String, expected: String) {
      self.field = field
      self.value = value
      self.expected = expected
    }
  }

  /// At least one, in the order of the fields.
  package let problems: [Problem]

  /// - Parameter problems: at least one.
  package init(problems: [Problem]) { self.problems = problems }

  package var description: String {
    problems.map { "\($0.field) is \($0.value), expected \($0.expected)" }
      .joined(separator: "; ")
  }
}

extension ModelConfiguration {
  /// The configuration itself, when a model of it can be built.
  ///
  /// The upper bounds keep every product of sizes inside Int and every token id inside Int32; they
  /// are far above any model that exists.
  ///
  /// - Throws: every field that is out of range or does not fit the others.
  package func validated() throws(ModelConfigurationError) -> ModelConfiguration {
    var problems: [ModelConfigurationError.Problem] = []
    func check(_ key: CodingKeys, _ value: some Any, _ isGood: Bool, _ expected: String) {
      if !isGood {
        problems.append(.init(field: key.rawValue, value: "\(value)", expected: expected))
      }
    }
    func checkSize(_ key: CodingKeys, _ value: Int, in range: ClosedRange<Int>) {
      check(
        key, value, range.contains(value), "between \(range.lowerBound) and \(range.upperBound)")
    }
    checkSize(.vocabSize, vocabSize, in: 2...(1 << 24))
    checkSize(.hiddenSize, hiddenSize, in: 1...(1 << 17))
    checkSize(.intermediateSize, intermediateSize, in: 1...(1 << 19))
    checkSize(.numHiddenLayers, numHiddenLayers, in: 1...1024)
    checkSize(.numAttentionHeads, numAttentionHeads, in: 1...1024)
    check(
      .numKeyValueHeads, numKeyValueHeads,
      numKeyValueHeads > 0 && numKeyValueHeads <= max(1, numAttentionHeads)
        && numAttentionHeads % max(1, numKeyValueHeads) == 0,
      "a divisor of num_attention_heads (\(numAttentionHeads))")
    check(
      .headDim, headDim, (2...1024).contains(headDim) && headDim % 2 == 0,
      "an even number between 2 and 1024, because RoPE rotates pairs")
    check(.ropeTheta, ropeTheta, ropeTheta.isFinite && ropeTheta > 1, "a finite number above 1")
    if let ropeScaling {
      let expected = ropeScaling.expectation
      check(.ropeScaling, ropeScaling, expected == nil, expected ?? "")
    }
    check(
      .rmsNormEps, rmsNormEps, rmsNormEps > 0 && rmsNormEps < 1, "a number between 0 and 1, not 0")
    checkSize(.maxPositionEmbeddings, maxPositionEmbeddings, in: 1...(1 << 24))
    guard problems.isEmpty else { throw ModelConfigurationError(problems: problems) }
    return self
  }
}

extension RopeScaling {
  /// What a valid scaling of this kind looks like, when this one is not valid.
  fileprivate var expectation: String? {
    func isFactor(_ value: Double) -> Bool { value.isFinite && value >= 1 }
    switch self {
    case .linear(let factor):
      return isFactor(factor) ? nil : "a factor of at least 1"
    case .llama3(let factor, let low, let high, let originalPositions):
      let isGood =
        isFactor(factor) && low > 0 && high.isFinite && high > low && originalPositions > 0
      return isGood
        ? nil : "factor >= 1, 0 < low_freq_factor < high_freq_factor, and original positions > 0"
    case .yarn(let factor, let originalPositions, let betaFast, let betaSlow, let attentionFactor):
      let isGood =
        isFactor(factor) && originalPositions > 0 && betaSlow > 0 && betaFast.isFinite
        && betaFast > betaSlow && attentionFactor.isFinite && attentionFactor > 0
      return isGood
        ? nil
        : "factor >= 1, original positions > 0, beta_fast > beta_slow > 0, attention_factor > 0"
    }
  }
}
