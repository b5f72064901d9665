package import Foundation

/// Running text in files of any size, which are never read as a whole.
///
/// A `.txt` file is one document, each line of a `.jsonl` file with a field `text` is one, and a
/// folder holds such files, read in the order of their names.
package struct TextCorpus: Equatable, Sendable {
  /// How a file holds its documents.
  package enum Format: Equatable, Sendable {
    /// The file is one document.
    case plain
    /// Each line is a JSON object whose field `text` is a document.
    case lines
  }

  package struct File: Equatable, Sendable {
    package let url: URL
    package let bytes: Int
    package let format: Format
  }

  /// In the order of reading; none is empty.
  package let files: [File]
  /// Bytes of all files.
  package var bytes: Int { files.reduce(0) { $0 + $1.bytes } }

  /// Looks at a file or at a folder of them.
  ///
  /// - Returns: nil for a file that holds something else, such as prompts and completions.
  /// - Throws: `.unavailable`, `.empty`, and `.unknownKind` for a folder without a text.
  package init?(_ url: URL) throws(CorpusError) {
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: url.path, isDirectory: &isFolder) else {
      throw .unavailable(path: url.path, reason: "there is no such file")
    }
    guard isFolder.boolValue else {
      guard let file = try Self.file(url) else { return nil }
      files = [file]
      return
    }
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: url.path) else {
      throw .unavailable(path: url.path, reason: "the folder cannot be read")
    }
    let kinds: Set = ["txt", "jsonl"]
    var files: [File] = []
    for name in names.sorted() where !name.hasPrefix(".") {
      let url = url.appendingPathComponent(name)
      guard kinds.contains(url.pathExtension.lowercased()) else { continue }
      guard let bytes = try Self.size(of: url) else { continue }
      guard bytes > 0 else { continue }
      guard let file = try Self.file(url) else {
        throw .badLine(number: 1, expected: "a field text, in \(url.path)")
      }
      files.append(file)
    }
    guard !files.isEmpty else { throw .unknownKind(path: url.path) }
    self.files = files
  }

  /// One part of the corpus, as bytes of all files one behind the other.
  ///
  /// Cuts lie behind a line where one ends within the neighbouring hundredth of the text, else
  /// between two characters; documents of lines are never cut.
  ///
  /// - Parameters: as in `CorpusContent.part`.
  /// - Throws: `.badFractions`, `.emptyPart`, `.unavailable`.
  package func range(
    of part: CorpusPart, validationFraction: Double, testFraction: Double
  ) throws(CorpusError) -> Range<Int> {
    let (from, to) = try part.span(
      validationFraction: validationFraction, testFraction: testFraction)
    let (start, end) = (try cut(at: from), try cut(at: to))
    guard start < end else { throw .emptyPart(part) }
    return start..<end
  }

  private func cut(at fraction: Double) throws(CorpusError) -> Int {
    guard fraction > 0 else { return 0 }
    guard fraction < 1 else { return bytes }
    let place = Int((Double(bytes) * fraction).rounded())
    var first = 0
    for file in files {
      if place < first + file.bytes {
        return first + (try cut(file, at: place - first, within: bytes / 100))
      }
      first += file.bytes
    }
    return bytes
  }

  private func cut(_ file: File, at place: Int, within limit: Int) throws(CorpusError) -> Int {
    guard place > 0 else { return 0 }
    do {
      let handle = try FileHandle(forReadingFrom: file.url)
      defer { try? handle.close() }
      try handle.seek(toOffset: UInt64(place))
      var read = 0
      var boundary: Int?
      while file.format == .lines || read < limit || boundary == nil {
        guard let piece = try handle.read(upToCount: 1 << 16), !piece.isEmpty else { break }
        let bytes = Array(piece)
        if boundary == nil, let offset = bytes.firstIndex(where: { $0 & 0xC0 != 0x80 }) {
          boundary = place + read + offset
        }
        if let line = bytes.firstIndex(of: UInt8(ascii: "\n")),
          file.format == .lines || read + line < limit
        {
          return place + read + line + 1
        }
        read += bytes.count
      }
      return file.format == .lines ? file.bytes : boundary ?? file.bytes
    } catch {
      throw .unavailable(path: file.url.path, reason: error.localizedDescription)
    }
  }

  /// Nil for a file of a kind that is no text.
  private static func file(_ url: URL) throws(CorpusError) -> File? {
    guard let bytes = try size(of: url) else {
      throw .unavailable(path: url.path, reason: "not a regular file")
    }
    let format: Format
    switch url.pathExtension.lowercased() {
    case "txt": format = .plain
    case "jsonl":
      guard bytes == 0 || holdsTexts(url) else { return nil }
      format = .lines
    default: return nil
    }
    guard bytes > 0 else { throw .empty(path: url.path) }
    return File(url: url, bytes: bytes, format: format)
  }

  /// Nil when it is no regular file: a pipe or a device could go on for ever.
  private static func size(of url: URL) throws(CorpusError) -> Int? {
    do {
      let values = try url.resourceValues(forKeys: [.fileSizeKey, .isRegularFileKey])
      return values.isRegularFile == true ? values.fileSize : nil
    } catch {
      throw .unavailable(path: url.path, reason: error.localizedDescription)
    }
  }

  /// Whether the first line is an object with a text and without a prompt.
  private static func holdsTexts(_ url: URL) -> Bool {
    struct Line: Decodable {
      let text: String?
      let prompt: String?
    }
    guard let handle = try? FileHandle(forReadingFrom: url) else { return false }
    defer { try? handle.close() }
    var start = Data()
    while start.count < CorpusPieces.lineBytesMax,
      let piece = try? handle.read(upToCount: 1 << 16), !piece.isEmpty
    {
      start += piece
      let lines = start.split(separator: UInt8(ascii: "\n"), maxSplits: 1)
      guard lines.count > 1 || piece.count < 1 << 16, let first = lines.first else { continue }
      guard let line = try? JSONDecoder().decode(Line.self, from: Data(first)) else { return false }
      return line.text != nil && line.prompt == nil
    }
    return false
  }
}
