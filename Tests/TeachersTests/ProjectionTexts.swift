import Foundation
import TestSupport
import Tokenization
import Traces

@testable import Teachers

/// Tokenizers, texts and captures that projections are tried on.
enum ProjectionTexts {
  static let samples = [
    "The owl and the pussy-cat went to sea in a beautiful pea-green boat.\n\nThey took some honey,",
    "func encode(_ text: String) -> [Int32] {\n    var ids: [Int32] = []\n    return ids // done\n}",
    "{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Zürich\", \"days\": 3, \"unit\": \"°C\"}}",
    "Ein Bär, ein Löwe — und 東京の天気は🦊🦊🏽 très agréable; naïve café … 1234567 1,234.5",
    "  indented\t\ttabs   and    spaces\r\n\r\nlines\n\n\n  end  ",
  ]

  /// A byte-level BPE tokenizer of some size; different halves of the texts give different merges.
  static func tokenizer(
    _ size: Int, _ preTokenization: PreTokenization = .digits, part: Int = 0
  )
    throws -> Tokenizer
  {
    let documents = samples.enumerated().filter { part == 0 || $0.offset % 2 == part % 2 }
      .flatMap { Array(repeating: $0.element, count: 3) }
    return try BytePairTrainer(
      vocabularySize: size, specialTokens: ["<|endoftext|>"], preTokenization: preTokenization
    ).train(documents)
  }

  /// What a teacher with this tokenizer might say to a text: at each token `count` candidates, the
  /// actual one among them or not, and some mass on others.
  static func capture(
    _ text: String, teacher: Tokenizer, count: Int, seed: UInt64, endsText: Bool = true
  ) -> Capture {
    var random = SplitMix64(seed: seed)
    var tokens = CapturedTokens()
    let ids = teacher.encode(text)
    let end = endsText ? teacher.endOfText : nil
    for id in ids + [end].compactMap(\.self) {
      var candidates: Set<Int32> = Int.random(in: 0...3, using: &random) > 0 ? [id] : []
      while candidates.count < count {
        candidates.insert(Int32.random(in: 0..<Int32(teacher.vocabularySize), using: &random))
      }
      let weights = candidates.sorted().map { ($0, Double.random(in: 0.001...1, using: &random)) }
      let total = weights.reduce(Double.random(in: 0...0.3, using: &random)) { $0 + $1.1 }
      let actual = weights.first { $0.0 == id }.map { Float(log($0.1 / total)) }
      let isEnd = id == teacher.endOfText
      tokens.append(
        isEnd ? [] : Array(teacher.bytes(of: id)), id: id,
        logprob: actual ?? CapturedTokens.unknownLogprob)
      for (candidate, weight) in weights.sorted(by: { $0.1 > $1.1 }) {
        tokens.appendCandidate(
          candidate == teacher.endOfText ? [] : Array(teacher.bytes(of: candidate)), id: candidate,
          logprob: Float(log(weight / total)))
      }
    }
    return Capture(
      id: 1, prompt: "", text: text, tokens: tokens, finishReason: endsText ? "stop" : "length")
  }
}
