/// Why a corpus could not be read.
package enum CorpusError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The file is not there, or the disk failed.
  case unavailable(path: String, reason: String)
  /// The file's name does not end in a kind that is read.
  case unknownKind(path: String)
  /// The file holds nothing, or nothing but white space.
  case empty(path: String)
  /// The file is larger than what is read into memory.
  case tooLarge(bytes: Int, limitBytes: Int)
  /// A zero byte: this is no text. `byte` counts from the start of the file.
  case binary(byte: Int)
  /// The first byte that belongs to no UTF-8 character, counted from the start of the file.
  case notUTF8(byte: Int)
  /// A line, counted from 1, is no JSON object with the texts `prompt` and `completion`.
  case badLine(number: Int, expected: String)
  /// Shares of the validation and test parts that leave nothing to train on.
  case badFractions(validation: Double, test: Double)
  /// Too little text to give the part anything.
  case emptyPart(CorpusPart)

  package var description: String {
    switch self {
    case .unavailable(let path, let reason): "corpus \(path): \(reason)"
    case .unknownKind(let path): "corpus \(path): expected a name that ends in .txt or .jsonl"
    case .empty(let path): "corpus \(path) is empty"
    case .tooLarge(let bytes, let limit): "a corpus of \(bytes) bytes: expected at most \(limit)"
    case .binary(let byte): "corpus is binary: a zero byte at offset \(byte)"
    case .notUTF8(let byte): "corpus is not UTF-8 at byte \(byte)"
    case .badLine(let number, let expected): "corpus line \(number): expected \(expected)"
    case .badFractions(let validation, let test):
      "fractions \(validation) for validation and \(test) for test: expected 0 or more each, "
        + "and less than 1 together"
    case .emptyPart(let part): "the corpus is too small to have a \(part.rawValue) part"
    }
  }
}
