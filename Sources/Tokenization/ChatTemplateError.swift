/// Why a chat template cannot be used, or refused a chat.
package enum ChatTemplateError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The template breaks Jinja's grammar.
  case syntax(line: Int, expected: String)
  /// The template uses something that this program does not do, and will not approximate.
  case unsupported(construct: String, line: Int)
  /// The template called `raise_exception`: the chat is not one that the model knows.
  case raised(message: String)
  /// An expression failed on the given chat, as it would in Jinja.
  case evaluation(line: Int, reason: String)
  /// The template wants more work, output or nesting than it gets.
  case limit(line: Int, what: String)
  /// The model has no chat template, or its file cannot be read.
  case unavailable(path: String, reason: String)

  package var description: String {
    switch self {
    case .syntax(let line, let expected): "chat template line \(line): expected \(expected)"
    case .unsupported(let construct, let line):
      "chat template line \(line): not supported: \(construct)"
    case .raised(let message): "the chat template refuses this chat: \(message)"
    case .evaluation(let line, let reason): "chat template line \(line): \(reason)"
    case .limit(let line, let what): "chat template line \(line): more than \(what)"
    case .unavailable(let path, let reason): "chat template \(path): \(reason)"
    }
  }
}
