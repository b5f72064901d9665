package import Tokenization

/// Which tokens are structural: those whose text holds one of `{ } [ ] : , "` or a code fence.
///
/// Source: RECIPE §5.
package enum StructuralTokens {
  private static let marks: Set<UInt8> = Set("{}[]:,\"".utf8)

  /// `[vocabularySize]`, whether each token id is structural.
  package static func table(of tokenizer: Tokenizer) -> [Bool] {
    (0..<Int32(tokenizer.vocabularySize)).map { isStructural(tokenizer.bytes(of: $0)) }
  }

  /// Whether a token of these bytes is structural. All marks are ASCII, which never occurs inside of
  /// a longer UTF-8 character, so that bytes of half a character are judged rightly.
  static func isStructural(_ bytes: some Collection<UInt8>) -> Bool {
    bytes.contains(where: marks.contains) || Array(bytes).contains(Array("```".utf8))
  }
}
