internal import Foundation

/// Why a task cannot be read or asked.
package enum TaskError: Error, Equatable, Sendable, CustomStringConvertible {
  /// No task of this program has this name, and it names no description.
  case unknownTask(String, known: [String])
  /// A description says what cannot be; `pointer` is a JSON Pointer into it.
  case badDescription(pointer: String, expected: String)
  /// The file is not there, or the disk failed.
  case unavailable(path: String, reason: String)
  /// Neither the description nor the file's name tells how the file is to be read.
  case unknownFormat(path: String)
  /// The file is larger than what is read into memory.
  case tooLarge(path: String, limitBytes: Int)
  /// The file has no example.
  case empty(path: String)
  /// A table has no column of any of these names.
  case missingColumn(names: [String], found: [String])
  /// A line, counted from 1, is not what was expected.
  case badLine(number: Int, expected: String)
  /// A tokenizer begins two labels with the same token, so that it says nothing about either.
  case sameFirstToken(String, String, token: String)
  /// An answer that a tokenizer has no token for.
  case noTokens(line: Int, text: String)
  /// A prompt that does not fit although its longest column was left out.
  case promptTooLong(line: Int, tokens: Int, limit: Int)

  package var description: String {
    switch self {
    case .unknownTask(let name, let known):
      "there is no task \"\(name)\": expected one of \(known.joined(separator: ", ")), or the path "
        + "of a description that ends in .json"
    case .badDescription(let pointer, let expected):
      "task description at \"\(pointer)\": expected \(expected)"
    case .unavailable(let path, let reason): "task file \(path): \(reason)"
    case .unknownFormat(let path):
      "task file \(path): expected a name that ends in .tsv or .jsonl, or a description with format"
    case .tooLarge(let path, let limit):
      "task file \(path): expected at most \(limit) bytes"
    case .empty(let path): "task file \(path) has no example"
    case .missingColumn(let names, let found):
      "the table has no column \(names.joined(separator: " or ")): its header names "
        + found.prefix(20).joined(separator: ", ")
    case .badLine(let number, let expected): "task line \(number): expected \(expected)"
    case .sameFirstToken(let one, let other, let token):
      "the labels \"\(one)\" and \"\(other)\" begin with the same token \"\(token)\" in this "
        + "tokenizer: expected label words that differ from their first token on"
    case .noTokens(let line, let text):
      "task line \(line): the answer \"\(text)\" has no token in this tokenizer"
    case .promptTooLong(let line, let tokens, let limit):
      "task line \(line): \(tokens) tokens of prompt, without its longest column; \(limit) fit"
    }
  }
}
