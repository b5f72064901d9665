/// A prompt and the answer that a model should learn to give.
package struct CorpusExample: Codable, Equatable, Sendable {
  package let prompt: String
  package let completion: String

  package init(prompt: String, completion: String) {
    self.prompt = prompt
    self.completion = completion
  }

  /// The prompt as a model sees it: a newline says that the answer begins.
  ///
  /// In training and in use, this and the completion are encoded apart, so that the same tokens
  /// stand before the answer; `<|endoftext|>` ends it.
  package var context: String { prompt + "\n" }

  /// Prompt and answer as one text.
  package var text: String { context + completion }
}

/// The three uses of a corpus; no text serves two.
package enum CorpusPart: String, Codable, CaseIterable, Sendable {
  case train, validation, test
}
