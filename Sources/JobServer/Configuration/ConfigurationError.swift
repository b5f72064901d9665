/// What is wrong with the environment or the `.env` file; the daemon exits 78 (EX_CONFIG).
package enum ConfigurationError: Error, Equatable, CustomStringConvertible {
  /// The `.env` file named on the command line cannot be read.
  case unreadable(file: String, reason: String)
  /// A line of the `.env` file is not `NAME=value`.
  case malformed(file: String, line: Int)
  /// A value does not fit its setting. Secrets are never shown.
  case invalid(variable: String, value: String, expected: String)
  /// The daemon would serve other machines without asking for a token.
  case tokenNeeded(address: String)

  package var description: String {
    switch self {
    case .unreadable(let file, let reason): "cannot read \(file): \(reason)"
    case .malformed(let file, let line): "\(file), line \(line): expected NAME=value"
    case .invalid(let variable, let value, let expected):
      "\(variable)=\(value): expected \(expected)"
    case .tokenNeeded(let address):
      "listening on \(address) needs a token: set BITNET_API_TOKEN or BITNET_API_TOKENS_FILE"
    }
  }
}
