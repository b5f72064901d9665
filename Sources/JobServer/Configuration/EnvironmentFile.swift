internal import Foundation

/// A `.env` file: `NAME=value` lines, `#` comments, optional quotes, optional `export`.
///
/// swift-configuration parses such files too, but skips a malformed line silently; a typing error
/// in a setting must be named.
enum EnvironmentFile {
  /// - Throws: `.unreadable` or `.malformed`.
  static func read(_ path: String) throws(ConfigurationError) -> [String: String] {
    let text: String
    do {
      text = try String(contentsOfFile: path, encoding: .utf8)
    } catch {
      throw .unreadable(file: path, reason: "not there, or not UTF-8 text")
    }
    var values: [String: String] = [:]
    let lines = text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline)
    for (index, rawLine) in lines.enumerated() {
      var line = rawLine.trimmingCharacters(in: .whitespaces)
      if line.isEmpty || line.hasPrefix("#") { continue }
      if line.hasPrefix("export ") { line = String(line.dropFirst("export ".count)) }
      guard let equals = line.firstIndex(of: "=") else {
        throw .malformed(file: path, line: index + 1)
      }
      let name = line[..<equals].trimmingCharacters(in: .whitespaces)
      let isName = name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }
      guard isName, let first = name.first, !first.isNumber else {
        throw .malformed(file: path, line: index + 1)
      }
      values[name] = unquoted(line[line.index(after: equals)...])
    }
    return values
  }

  /// The value without its quotes, or without the comment that follows it.
  private static func unquoted(_ raw: Substring) -> String {
    let text = raw.trimmingCharacters(in: .whitespaces)
    for quote in ["\"", "'"] where text.hasPrefix(quote) {
      if let end = text.dropFirst().firstIndex(of: Character(quote)) {
        return String(text[text.index(after: text.startIndex)..<end])
      }
    }
    guard let comment = text.range(of: " #") ?? text.range(of: "\t#") else {
      return text.hasPrefix("#") ? "" : text
    }
    return text[..<comment.lowerBound].trimmingCharacters(in: .whitespaces)
  }
}
