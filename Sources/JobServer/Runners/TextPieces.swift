/// Cuts a text into pieces to be scored, at ends of lines or words where there are some.
enum TextPieces {
  /// - Parameter bytesMax: of a piece, 4 or more.
  /// - Returns: pieces that, joined, are the text; none is empty.
  static func cut(_ text: String, bytesMax: Int) -> [String] {
    let bytes = Array(text.utf8)
    var pieces: [String] = []
    var start = 0
    while start < bytes.count {
      let end = start + bytesMax >= bytes.count ? bytes.count : cut(bytes, start, start + bytesMax)
      pieces.append(String(decoding: bytes[start..<end], as: UTF8.self))
      start = end
    }
    return pieces
  }

  /// After the last line's end in the second half, else after the last blank, else between
  /// characters.
  private static func cut(_ bytes: [UInt8], _ start: Int, _ end: Int) -> Int {
    let half = bytes[(start + (end - start) / 2)..<end]
    if let line = half.lastIndex(of: UInt8(ascii: "\n")) { return line + 1 }
    if let blank = half.lastIndex(of: UInt8(ascii: " ")) { return blank + 1 }
    var end = end
    while end > start + 1, bytes[end] & 0xC0 == 0x80 { end -= 1 }
    return end
  }
}
