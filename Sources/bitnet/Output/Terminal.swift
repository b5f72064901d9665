internal import Foundation

/// Where the output goes, and how wide that is.
enum Terminal {
  static let outputIsTerminal = isatty(STDOUT_FILENO) == 1
  static let errorIsTerminal = isatty(STDERR_FILENO) == 1

  /// Columns of the terminal; 80 where there is none, or it does not say.
  static var columns: Int {
    var size = winsize()
    for descriptor in [STDOUT_FILENO, STDERR_FILENO]
    where ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 {
      return Int(size.ws_col)
    }
    return 80
  }

  static func printError(_ text: String) { writeError(text + "\n") }

  static func writeError(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }

  /// Printed at once, also into a pipe: whoever reads it may be waiting.
  static func printLine(_ text: String) { print(text + "\n") }

  /// The same without a line's end.
  static func print(_ text: String) { FileHandle.standardOutput.write(Data(text.utf8)) }

  /// What came over the network, without the control characters that would move the cursor,
  /// recolour the screen or forge a line.
  static func clean(_ text: String) -> String {
    var cleaned = String.UnicodeScalarView()
    for scalar in text.unicodeScalars {
      cleaned.append(scalar.properties.generalCategory == .control ? "\u{FFFD}" : scalar)
    }
    return String(cleaned)
  }

  /// The same for text whose lines are the sender's to make.
  static func cleanLines(_ text: String) -> String {
    text.split(separator: "\n", omittingEmptySubsequences: false)
      .map { clean(String($0)) }.joined(separator: "\n")
  }
}
