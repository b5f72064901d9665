/// Text from tokens as they come, for completions that are sent while they are written.
///
/// Characters come out whole: bytes that begin one wait for the rest. What `append` and `finish`
/// give, joined, is `decode` of all ids, but that a run of byte tokens that is not UTF-8 gives one
/// U+FFFD for each broken character, where `decode` gives one for each byte as Hugging Face does.
package struct StreamingDecoder {
  private let tokenizer: Tokenizer
  private var pending: [UInt8] = []
  private var isFirst = true

  package init(_ tokenizer: Tokenizer) { self.tokenizer = tokenizer }

  /// The text that `id` completes; empty while a character is incomplete.
  package mutating func append(_ id: Int32) -> String {
    let bytes = tokenizer.bytes(of: id)
    guard !bytes.isEmpty else { return "" }
    pending += isFirst ? tokenizer.withoutLead(bytes) : Array(bytes)
    isFirst = false
    let end = pending.count - Self.incompleteBytes(at: pending)
    let text = String(decoding: pending[..<end], as: UTF8.self)
    pending.removeFirst(end)
    return text
  }

  /// What is left at the end: U+FFFD for a character that never got all its bytes.
  package mutating func finish() -> String {
    defer { pending = [] }
    return String(decoding: pending, as: UTF8.self)
  }

  /// How many bytes at the end of `bytes` begin a character that may still be completed.
  static func incompleteBytes(at bytes: [UInt8]) -> Int {
    for length in 1...3 where length <= bytes.count {
      let byte = bytes[bytes.count - length]
      if byte & 0xC0 == 0x80 { continue }
      let wanted = byte >= 0xF0 && byte < 0xF5 ? 4 : byte >= 0xE0 ? 3 : byte >= 0xC2 ? 2 : 1
      guard byte < 0xF5, wanted > length else { return 0 }
      // A second byte that cannot follow the first has ended the character already.
      if length > 1 {
        let second = bytes[bytes.count - length + 1]
        let range: ClosedRange<UInt8> =
          switch byte {
          case 0xE0: 0xA0...0xBF
          case 0xED: 0x80...0x9F
          case 0xF0: 0x90...0xBF
          case 0xF4: 0x80...0x8F
          default: 0x80...0xBF
          }
        guard range.contains(second) else { return 0 }
      }
      return length
    }
    return 0
  }
}
