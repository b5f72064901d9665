/// Why a request to a session cannot be served. The session is as it was before the call.
package enum InferenceError: Error, Equatable, Sendable {
  /// There is nothing to predict from.
  case emptyPrompt
  /// A token id that the model does not have.
  case tokenOutOfRange(token: Int32, vocabularySize: Int)
  /// The sequence would need more positions than the session has.
  case contextFull(needed: Int, maximumLength: Int)
  /// All sequences together would need more positions than the cache has.
  case cacheFull(needed: Int, free: Int)
}

extension InferenceError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .emptyPrompt:
      "the prompt is empty; it needs at least one token"
    case .tokenOutOfRange(let token, let vocabularySize):
      "token \(token) is outside the vocabulary, 0 ..< \(vocabularySize)"
    case .contextFull(let needed, let maximumLength):
      "the sequence needs \(needed) positions; the session has \(maximumLength)"
    case .cacheFull(let needed, let free):
      "\(needed) more positions are needed; the cache of all sequences has \(free) left"
    }
  }
}
