package import Foundation

/// What a corpus file holds.
package enum CorpusContent: Equatable, Sendable {
  /// Running text.
  case text(String)
  /// Prompts with their answers.
  case pairs([CorpusExample])

  /// The texts in it, each as a tokenizer is trained on it.
  package var texts: [String] {
    switch self {
    case .text(let text): [text]
    case .pairs(let pairs): pairs.map(\.text)
    }
  }

  /// One part of the content, which keeps its order: train first, then validation, then test.
  ///
  /// Text is cut behind a line where one ends within the neighbouring hundredth of it, else
  /// between two characters.
  ///
  /// - Parameters: the shares of the last two parts, 0 or more, below 1 together.
  /// - Throws: `.badFractions`, and `.emptyPart` when the content is too small.
  package func part(
    _ part: CorpusPart, validationFraction: Double, testFraction: Double
  ) throws(CorpusError) -> CorpusContent {
    let (from, to) = try part.span(
      validationFraction: validationFraction, testFraction: testFraction)
    switch self {
    case .pairs(let pairs):
      let range =
        Int((Double(pairs.count) * from).rounded())..<Int((Double(pairs.count) * to).rounded())
      guard !range.isEmpty else { throw .emptyPart(part) }
      return .pairs(Array(pairs[range]))
    case .text(let text):
      let start = Self.cut(text, at: from)
      let end = Self.cut(text, at: to)
      guard start < end else { throw .emptyPart(part) }
      return .text(String(text[start..<end]))
    }
  }

  private static func cut(_ text: String, at fraction: Double) -> String.Index {
    let bytes = text.utf8
    guard fraction > 0 else { return text.startIndex }
    guard fraction < 1 else { return text.endIndex }
    let offset = Int((Double(bytes.count) * fraction).rounded())
    let place = bytes.index(bytes.startIndex, offsetBy: offset)
    let limit = bytes.index(place, offsetBy: bytes.count / 100, limitedBy: bytes.endIndex)
    let newline = bytes[place..<(limit ?? bytes.endIndex)].firstIndex(of: UInt8(ascii: "\n"))
    if let newline { return bytes.index(after: newline) }
    return bytes[place...].firstIndex { $0 & 0xC0 != 0x80 } ?? text.endIndex
  }
}

/// Reads corpora from files.
package enum Corpus {
  /// The most that is read, in bytes: such a corpus and its tokens still fit a small machine.
  package static let fileBytesMax = 1 << 30

  /// Reads a `.txt` file as running text, or a `.jsonl` file as prompts and completions.
  ///
  /// - Parameter fileBytesMax: larger files are refused before they are read.
  package static func load(
    _ url: URL, fileBytesMax: Int = Corpus.fileBytesMax
  ) throws(CorpusError) -> CorpusContent {
    let kind = url.pathExtension.lowercased()
    guard kind == "txt" || kind == "jsonl" else { throw .unknownKind(path: url.path) }
    let data: Data
    do {
      let values = try url.resourceValues(forKeys: [.fileSizeKey, .isRegularFileKey])
      // A pipe or a device could go on for ever.
      guard values.isRegularFile == true else {
        throw CorpusError.unavailable(path: url.path, reason: "not a regular file")
      }
      guard let bytes = values.fileSize, bytes <= fileBytesMax else {
        throw CorpusError.tooLarge(bytes: values.fileSize ?? 0, limitBytes: fileBytesMax)
      }
      data = try Data(contentsOf: url, options: .mappedIfSafe)
    } catch let error as CorpusError {
      throw error
    } catch {
      throw .unavailable(path: url.path, reason: error.localizedDescription)
    }
    if let zero = data.firstIndex(of: 0) { throw .binary(byte: zero) }
    guard let text = String(validating: data, as: UTF8.self) else {
      throw .notUTF8(byte: firstInvalidByte(in: data))
    }
    guard text.contains(where: { !$0.isWhitespace }) else { throw .empty(path: url.path) }
    return kind == "txt" ? .text(text) : .pairs(try pairs(in: text))
  }

  private static func pairs(in text: String) throws(CorpusError) -> [CorpusExample] {
    let decoder = JSONDecoder()
    var pairs: [CorpusExample] = []
    let lines = text.utf8.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    for (index, line) in lines.enumerated() {
      if line.allSatisfy({ $0 == 0x20 || $0 == 0x09 || $0 == 0x0D }) { continue }
      do {
        pairs.append(try decoder.decode(CorpusExample.self, from: Data(line)))
      } catch {
        throw .badLine(number: index + 1, expected: expectation(error))
      }
    }
    return pairs
  }

  private static func expectation(_ error: any Error) -> String {
    switch error as? DecodingError {
    case .keyNotFound(let key, _): "a field \(key.stringValue)"
    case .typeMismatch(_, let context), .valueNotFound(_, let context):
      context.codingPath.isEmpty
        ? "a JSON object"
        : "a text as \(context.codingPath.map(\.stringValue).joined(separator: "."))"
    default: "a JSON object with prompt and completion"
    }
  }

  static func firstInvalidByte(in data: some Sequence<UInt8>) -> Int {
    var bytes = data.makeIterator()
    var parser = Unicode.UTF8.ForwardParser()
    var offset = 0
    while case .valid(let character) = parser.parseScalar(from: &bytes) {
      offset += character.count
    }
    return offset
  }
}
