package import Corpora
internal import Foundation
internal import JobAPI
internal import Jobs
internal import Tasks
package import Tokenization

extension CorpusSource {
  /// Reads one part of the corpus.
  ///
  /// - Parameters:
  ///   - part: instead of the source's own.
  ///   - paths: which files may be read.
  /// - Throws: `Problem` that names the file, the place in it and the expectation.
  func load(part: CorpusPartName? = nil, paths: ReadablePaths) throws -> CorpusContent {
    let part = CorpusPart(rawValue: (part ?? self.part).rawValue) ?? .train
    switch self {
    case .task(let corpus):
      return .pairs(try corpus.examples(part, paths: paths).map(\.pair))
    case .generated(let generated):
      switch generated.generator {
      case .toolCalls:
        return .pairs(
          ToolCallGenerator(seed: generated.seed).part(part, count: generated.count))
      }
    case .file(let file):
      let url = try paths.resolve(file.path)
      do {
        return try Corpus.load(url).part(
          part, validationFraction: file.validationFraction, testFraction: file.testFraction)
      } catch {
        throw Problem(
          type: "urn:bitnet:problem:unusable-corpus", title: "The corpus cannot be used",
          detail: "\(file.path): \(error)")
      }
    }
  }
}

/// A prompt and its answer as tokens: what is trained on, scored and generated from.
package struct TokenizedExample: Sendable {
  /// `prompt ⏎ completion ⟨end of text⟩`; a task's prompt says itself what stands before the answer.
  package let tokens: [Int32]
  /// Tokens of the prompt and its line break: where the answer starts.
  package let promptCount: Int
  /// Whether a part of the prompt was left out.
  package let isCut: Bool

  /// - Parameter lengthMax: tokens of prompt and answer that there is room for; of a longer task's
  ///   prompt the longest column is cut. Pairs that have nothing to cut stay as they are.
  package init(_ example: CorpusExample, tokenizer: Tokenizer, lengthMax: Int = .max) {
    let answer =
      tokenizer.encodeContinuation(example.completion) + (tokenizer.endOfText.map { [$0] } ?? [])
    let prompt = FittedPrompt(
      example.context, cuttable: example.cuttable, tokenizer: tokenizer,
      limit: max(0, lengthMax - answer.count))
    tokens = prompt.tokens + answer
    promptCount = prompt.tokens.count
    isCut = prompt.isCut
  }
}
