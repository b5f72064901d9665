package import Checkpoints
package import Transformer

/// Why a model cannot be written in a format, or read from one.
package enum FormatError: Error, Equatable, Sendable {
  /// The format has no place for what the model needs; it is never approximated.
  case notRepresentable(format: String, feature: String)
  /// The file holds a model, but of a kind that is not built.
  case unsupported(path: String, feature: String)
  /// The file is damaged, or no GGUF file.
  case unreadable(GGUFError)
  /// The sizes in the file do not make a model.
  case invalid(path: String, ModelConfigurationError)
  /// Writing failed.
  case unwritable(FileError)
}

extension FormatError {
  /// What keeps a student that plans 4 bits from being exported, and what can be done.
  static let hadamard =
    "a Hadamard rotation before o_proj and down_proj (block_hadamard), which goes with A4: this daemon"
    + " serves the student as it is; one that can be exported is trained with flip.enabled false and"
    + " without \"hadamard\": true"
}

extension FormatError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .notRepresentable(let format, let feature): "\(format) cannot hold \(feature)"
    case .unsupported(let path, let feature): "\(path): \(feature) is not supported"
    case .unreadable(let error): error.description
    case .invalid(let path, let error): "\(path): \(error)"
    case .unwritable(let error): error.description
    }
  }
}
