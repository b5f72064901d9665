/// Why a tokenizer could not be read, trained or written.
package enum TokenizerError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The file could not be read or written.
  case unavailable(path: String, reason: String)
  /// The file is no JSON; `byte` is where reading stopped.
  case notJSON(byte: Int, expected: String)
  /// A field is missing, of another type, or contradicts another field.
  case malformed(field: String, expected: String)
  /// The file asks for something that this program does not do, and will not approximate.
  case unsupported(feature: String)
  /// A pre-tokenizer's regular expression does not compile; `offset` counts its bytes.
  case pattern(offset: Int, reason: String)
  /// The asked vocabulary cannot hold the 256 bytes and the special tokens.
  case vocabularyTooSmall(asked: Int, minimum: Int)
  /// Two special tokens are equal, or one is empty.
  case specialToken(String)
  /// The training text holds no word.
  case emptyCorpus

  package var description: String {
    switch self {
    case .unavailable(let path, let reason): "tokenizer file \(path): \(reason)"
    case .notJSON(let byte, let expected):
      "tokenizer file is not JSON at byte \(byte): expected \(expected)"
    case .malformed(let field, let expected): "tokenizer field \(field): expected \(expected)"
    case .unsupported(let feature): "tokenizer not supported: \(feature)"
    case .pattern(let offset, let reason):
      "tokenizer pattern does not compile at byte \(offset): \(reason)"
    case .vocabularyTooSmall(let asked, let minimum):
      "a vocabulary of \(asked) is too small: expected \(minimum) or more"
    case .specialToken(let token): "special token \"\(token)\": expected distinct, non-empty tokens"
    case .emptyCorpus: "no words to train a tokenizer on"
    }
  }
}
