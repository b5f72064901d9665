internal import Foundation

/// The lines of a file, one after the other: the file never lies in memory as a whole.
struct LineReader {
  /// A longer line is taken for damage.
  static let lineBytesMax = 1 << 24

  private let path: String
  private let file: FileHandle
  private let fileBytesMax: Int
  private var readBytes = 0
  private var buffer: [UInt8] = []
  /// Where the next line starts in `buffer`, and up to where no line's end was found.
  private var start = 0
  private var searched = 0
  private var isAtEnd = false
  /// Of the line that was returned last, from 1.
  private(set) var number = 0

  /// Opens a regular file; a pipe or a device could go on for ever.
  init(_ url: URL, fileBytesMax: Int) throws(TaskError) {
    path = url.path
    self.fileBytesMax = fileBytesMax
    do {
      guard try url.resourceValues(forKeys: [.isRegularFileKey]).isRegularFile == true else {
        throw TaskError.unavailable(path: url.path, reason: "not a regular file")
      }
      file = try FileHandle(forReadingFrom: url)
    } catch let error as TaskError {
      throw error
    } catch {
      throw .unavailable(path: url.path, reason: error.localizedDescription)
    }
  }

  /// The next line without its end (`\n` or `\r\n`), and without a byte order mark before the first;
  /// nil behind the last.
  ///
  /// - Throws: for a line that is too long or no text.
  mutating func next() throws(TaskError) -> String? {
    guard var line = try bytes() else { return nil }
    number += 1
    if line.last == 0x0D { line.removeLast() }
    if number == 1, line.starts(with: [0xEF, 0xBB, 0xBF]) { line.removeFirst(3) }
    guard !line.contains(0), let text = String(validating: line, as: UTF8.self) else {
      throw .badLine(number: number, expected: "text in UTF-8")
    }
    return text
  }

  private mutating func bytes() throws(TaskError) -> ArraySlice<UInt8>? {
    while true {
      if let end = buffer[searched...].firstIndex(of: 0x0A) {
        defer {
          start = end + 1
          searched = start
        }
        return buffer[start..<end]
      }
      searched = buffer.count
      if isAtEnd {
        defer { start = buffer.count }
        return start < buffer.count ? buffer[start...] : nil
      }
      guard buffer.count - start <= Self.lineBytesMax else {
        throw .badLine(number: number + 1, expected: "at most \(Self.lineBytesMax) bytes")
      }
      try fill()
    }
  }

  private mutating func fill() throws(TaskError) {
    buffer.removeSubrange(..<start)
    searched -= start
    start = 0
    let chunk: Data?
    do {
      chunk = try file.read(upToCount: 1 << 20)
    } catch {
      throw .unavailable(path: path, reason: error.localizedDescription)
    }
    guard let chunk, !chunk.isEmpty else {
      isAtEnd = true
      return
    }
    readBytes += chunk.count
    guard readBytes <= fileBytesMax else { throw .tooLarge(path: path, limitBytes: fileBytesMax) }
    buffer += chunk
  }
}
