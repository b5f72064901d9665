/// Why a teacher cannot score a text.
package enum TeacherError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The model's configuration is impossible, with its reasons.
  case badConfiguration(String)
  /// The text is longer than the teacher was set up for.
  case tooLong(sequence: Int64, tokens: Int, limit: Int)
  /// A token that the teacher does not have.
  case tokenOutsideVocabulary(sequence: Int64, position: Int, token: Int32, vocabularySize: Int)
  /// The model gives no numbers here: its weights are damaged or its training diverged.
  case notFinite(sequence: Int64, position: Int)

  package var description: String {
    switch self {
    case .badConfiguration(let reason): "the teacher's configuration is impossible: \(reason)"
    case .tooLong(let sequence, let tokens, let limit):
      "sequence \(sequence) has \(tokens) tokens, more than the teacher's \(limit)"
    case .tokenOutsideVocabulary(let sequence, let position, let token, let size):
      "token \(token) at position \(position) of sequence \(sequence) is not in the teacher's"
        + " vocabulary of \(size)"
    case .notFinite(let sequence, let position):
      "the teacher gives no finite logits at position \(position) of sequence \(sequence):"
        + " its weights are damaged, or its training diverged"
    }
  }
}
