// How a text of any size gets to a tokenizer: in pieces of about a megabyte.
//
// A long document is cut behind a line, where the tokens on both sides are the same as in the whole.
// Whether they are depends on the tokenizer, which is therefore asked: a cut is good when the tokens
// of the lines before it and of the lines behind it together begin with those of the lines before it.
// A piece comes with those lines as its context, to be encoded with them and to lose their tokens
// again, so that a tokenizer that marks the start of a text does so once a document.

internal import Foundation

/// A part of a document, small enough to be encoded in memory.
package struct CorpusPiece: Sendable {
  /// As they are in the file.
  package let bytes: [UInt8]
  /// The lines before it, empty at the start of a document.
  package let context: String
  package let format: TextCorpus.Format
  /// Of the file.
  package let path: String
  /// Where it starts in the file: a byte, and the line's number where lines are documents.
  package let place: (byte: Int, line: Int)
  /// Whether it was cut where the tokenizer did not agree, for want of a better place.
  package let isForced: Bool

  package var startsDocument: Bool { context.isEmpty && !isForced }

  /// The text of the piece; of a document of lines, that of its field.
  ///
  /// - Throws: `.binary`, `.notUTF8`, `.badLine`, with the place in the file.
  package func text() throws(CorpusError) -> String {
    if let zero = bytes.firstIndex(of: 0) { throw .binary(byte: place.byte + zero) }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw .notUTF8(byte: place.byte + Corpus.firstInvalidByte(in: bytes))
    }
    guard format == .lines else { return text }
    struct Line: Decodable { let text: String }
    do {
      return try JSONDecoder().decode(Line.self, from: Data(bytes)).text
    } catch {
      throw .badLine(number: place.line, expected: "a JSON object with the field text, in \(path)")
    }
  }
}

/// Reads a range of a corpus piece by piece.
package struct CorpusPieces {
  /// The longest line that is read as a document.
  package static let lineBytesMax = 1 << 26
  /// Room behind a piece for the line that a cut is tried with.
  private static let lookaheadBytes = 1 << 16
  /// What a cut is tried with, on each side.
  private static let contextBytes = 1 << 12
  private static let contextBytesMin = 1 << 6
  /// Places that are tried before a worse kind of place is taken.
  private static let triesMax = 64

  private let corpus: TextCorpus
  private let range: Range<Int>
  private let pieceBytes: Int
  private let agrees: (_ before: String, _ after: String) -> Bool

  private var nextFile = 0
  private var firstByteOfNext = 0
  private var file: TextCorpus.File?
  private var handle: FileHandle?
  /// Bytes of the range that the current file still has beyond `buffer`.
  private var unread = 0
  private var buffer: [UInt8] = []
  /// Bytes at the start of `buffer` that have been given out.
  private var taken = 0
  private var place = (byte: 0, line: 1)
  private var context = ""
  private var isForced = false

  /// - Parameters:
  ///   - range: of the corpus' bytes, as `TextCorpus.range` gives it.
  ///   - pieceBytes: of a piece of plain text, about.
  ///   - agrees: whether a text may be cut between two lines.
  package init(
    _ corpus: TextCorpus, range: Range<Int>, pieceBytes: Int = 1 << 20,
    agrees: @escaping (_ before: String, _ after: String) -> Bool
  ) {
    self.corpus = corpus
    self.range = range
    self.pieceBytes = pieceBytes
    self.agrees = agrees
  }

  /// The next piece; nil at the end.
  ///
  /// - Throws: `.unavailable`, `.badLine`.
  package mutating func next() throws(CorpusError) -> CorpusPiece? {
    while true {
      if file == nil, try !open() { return nil }
      guard let file else { return nil }
      let piece = file.format == .plain ? try plain(file) : try line(file)
      if let piece { return piece }
      try? handle?.close()
      self.file = nil
    }
  }

  // MARK: - Files

  /// Opens the next file that the range reaches; false after the last.
  private mutating func open() throws(CorpusError) -> Bool {
    while nextFile < corpus.files.count {
      let file = corpus.files[nextFile]
      let whole = firstByteOfNext..<firstByteOfNext + file.bytes
      nextFile += 1
      firstByteOfNext = whole.upperBound
      let wanted = whole.clamped(to: range)
      guard !wanted.isEmpty else { continue }
      do {
        handle = try FileHandle(forReadingFrom: file.url)
        try handle?.seek(toOffset: UInt64(wanted.lowerBound - whole.lowerBound))
      } catch {
        throw .unavailable(path: file.url.path, reason: error.localizedDescription)
      }
      self.file = file
      unread = wanted.count
      buffer = []
      taken = 0
      place = (wanted.lowerBound - whole.lowerBound, 1)
      context = ""
      isForced = false
      return true
    }
    return false
  }

  /// Forgets what was given out, and reads until `buffer` has `count` bytes or the file has no more.
  private mutating func fill(_ count: Int, _ file: TextCorpus.File) throws(CorpusError) {
    buffer.removeFirst(taken)
    taken = 0
    while buffer.count < count, unread > 0 {
      let read: Data?
      do {
        read = try handle?.read(upToCount: min(unread, max(1 << 16, count - buffer.count)))
      } catch {
        throw .unavailable(path: file.url.path, reason: error.localizedDescription)
      }
      guard let read, !read.isEmpty else {
        throw .unavailable(path: file.url.path, reason: "it became shorter while it was read")
      }
      buffer += read
      unread -= read.count
    }
  }

  /// Gives out the next bytes of the buffer as a piece.
  private mutating func take(_ count: Int, _ file: TextCorpus.File) -> CorpusPiece {
    let piece = CorpusPiece(
      bytes: Array(buffer[taken..<taken + count]), context: context, format: file.format,
      path: file.url.path,
      place: place, isForced: isForced)
    taken += count
    place.byte += count
    return piece
  }

  // MARK: - Lines

  private mutating func line(_ file: TextCorpus.File) throws(CorpusError) -> CorpusPiece? {
    var searched = 0
    while true {
      if let end = buffer[(taken + searched)...].firstIndex(of: UInt8(ascii: "\n")) {
        if let piece = takeLine(end + 1 - taken, file) { return piece }
        searched = 0
      } else if unread > 0 {
        searched = buffer.count - taken
        guard searched <= Self.lineBytesMax else {
          throw .badLine(
            number: place.line,
            expected: "a line of at most \(Self.lineBytesMax) bytes, in \(file.url.path)")
        }
        try fill(searched + pieceBytes, file)
      } else {
        return taken == buffer.count ? nil : takeLine(buffer.count - taken, file)
      }
    }
  }

  /// Nil for a line of blanks, which is passed over.
  private mutating func takeLine(_ count: Int, _ file: TextCorpus.File) -> CorpusPiece? {
    let isBlank = buffer[taken..<taken + count].allSatisfy { $0 == 0x20 || 0x09...0x0D ~= $0 }
    let piece = take(count, file)
    place.line += 1
    return isBlank ? nil : piece
  }

  // MARK: - Plain text

  private mutating func plain(_ file: TextCorpus.File) throws(CorpusError) -> CorpusPiece? {
    try fill(pieceBytes + Self.lookaheadBytes, file)
    guard !buffer.isEmpty else { return nil }
    guard unread > 0 || buffer.count > pieceBytes else { return take(buffer.count, file) }
    let (end, before) = cut()
    let piece = take(end, file)
    isForced = before == nil
    context = before ?? ""
    return piece
  }

  /// Where the buffer is cut, and the text before it; nil for a text that no cut fits.
  private func cut() -> (end: Int, before: String?) {
    let half = pieceBytes / 2
    var end = pieceBytes
    for separator in [UInt8(ascii: "\n"), UInt8(ascii: " ")] {
      end = pieceBytes
      for _ in 0..<Self.triesMax {
        guard let found = buffer[half..<end].lastIndex(of: separator) else { break }
        // A line's end belongs to what is before it, a blank to what is behind.
        let place = separator == UInt8(ascii: "\n") ? found + 1 : found
        let (before, behind) = (text(before: place), text(behind: place))
        let haveWords = [before, behind].allSatisfy { !$0.allSatisfy(\.isWhitespace) }
        if haveWords, agrees(before, behind) { return (place, before) }
        end = found
      }
    }
    end = pieceBytes
    while end > half, buffer[end] & 0xC0 == 0x80 { end -= 1 }
    return (end, nil)
  }

  /// The lines that end at `place`: some words of them, so that what blanks and empty lines before
  /// the cut belong to is among them.
  private func text(before place: Int) -> String {
    let window = buffer[max(0, place - Self.contextBytes)..<place]
    var start =
      window.dropLast(Self.contextBytesMin).lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 }
      ?? window.startIndex
    while start < place, buffer[start] & 0xC0 == 0x80 { start += 1 }
    return String(decoding: buffer[start..<place], as: UTF8.self)
  }

  /// The lines that start at `place`, likewise.
  private func text(behind place: Int) -> String {
    let window = buffer[place..<min(buffer.count, place + Self.contextBytes)]
    var end =
      window.dropFirst(Self.contextBytesMin).firstIndex(of: UInt8(ascii: "\n")).map { $0 + 1 }
      ?? window.endIndex
    while end > place, end < buffer.count, buffer[end] & 0xC0 == 0x80 { end -= 1 }
    return String(decoding: buffer[place..<end], as: UTF8.self)
  }
}
