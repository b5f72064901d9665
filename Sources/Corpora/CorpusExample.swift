/// A prompt and the answer that a model should learn to give.
package struct CorpusExample: Codable, Equatable, Sendable {
  package let prompt: String
  package let completion: String
  /// What says that the answer begins: a newline, unless the prompt itself does.
  package private(set) var separator = "\n"
  /// Bytes of the prompt that may be left out, from their end on, when it is too long.
  package private(set) var cuttable = 0..<0

  /// What a file of pairs has.
  private enum CodingKeys: CodingKey { case prompt, completion }

  package init(
    prompt: String, completion: String, separator: String = "\n", cuttable: Range<Int> = 0..<0
  ) {
    self.prompt = prompt
    self.completion = completion
    self.separator = separator
    self.cuttable = cuttable
  }

  /// The prompt as a model sees it.
  ///
  /// In training and in use, this and the completion are encoded apart, so that the same tokens
  /// stand before the answer; `<|endoftext|>` ends it.
  package var context: String { prompt + separator }

  /// Prompt and answer as one text.
  package var text: String { context + completion }
}

/// The three uses of a corpus; no text serves two.
package enum CorpusPart: String, Codable, CaseIterable, Sendable {
  case train, validation, test
}

extension CorpusPart {
  /// Where the part begins and ends, as shares of the whole: train, then validation, then test.
  ///
  /// - Throws: `.badFractions`, when nothing would be left to train on.
  func span(
    validationFraction: Double, testFraction: Double
  ) throws(CorpusError) -> (from: Double, to: Double) {
    guard validationFraction >= 0, testFraction >= 0, validationFraction + testFraction < 1 else {
      throw .badFractions(validation: validationFraction, test: testFraction)
    }
    return switch self {
    case .train: (0, 1 - validationFraction - testFraction)
    case .validation: (1 - validationFraction - testFraction, 1 - testFraction)
    case .test: (1 - testFraction, 1)
    }
  }
}
