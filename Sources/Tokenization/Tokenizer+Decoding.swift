extension Tokenizer {
  /// The text of `ids`: the encoded one for the ids of a text, as far as the tokenizer loses
  /// nothing. Bytes that form no character become U+FFFD, ids that are no token nothing.
  package func decode(_ ids: some Sequence<Int32>) -> String {
    var text: [UInt8] = []
    var isFirst = true
    var run: [UInt8] = []
    // A run of byte tokens is text as a whole or not at all, as in Hugging Face.
    func flush() {
      guard !run.isEmpty else { return }
      if String(validating: run, as: UTF8.self) != nil {
        text += run
      } else {
        for _ in run { text += "\u{FFFD}".utf8 }
      }
      run = []
    }
    for id in ids where id >= 0 && id < isByteToken.count {
      if isByteToken[Int(id)] {
        run += bytes(of: id)
      } else {
        flush()
        text += isFirst ? withoutFirstMark(bytes(of: id), id) : Array(bytes(of: id))
      }
      isFirst = false
    }
    flush()
    text.removeFirst(decoding.leadingBytes(of: text[...]))
    return String(decoding: text, as: UTF8.self)
  }

  /// The text of `ids` without the tokens that mark it up, such as `</s>`.
  package func decodeWithoutSpecialTokens(_ ids: some Sequence<Int32>) -> String {
    decode(ids.filter { !specialTokenIDs.contains($0) })
  }

  /// `Metaspace` as decoder drops its mark from the first token, wherever it stands there.
  private func withoutFirstMark(_ bytes: ArraySlice<UInt8>, _ id: Int32) -> [UInt8] {
    guard case .text(let rules) = decoding, !rules.firstTokenMark.isEmpty else {
      return Array(bytes)
    }
    // In the bytes of tokens the mark is a space already, which added tokens may have of their own.
    return addedTokenIDs.contains(id) ? Array(bytes) : bytes.filter { $0 != UInt8(ascii: " ") }
  }

  /// The bytes of a text's first token without what is not the text's.
  func withoutLead(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
    guard case .text(let rules) = decoding else { return Array(bytes) }
    if !rules.firstTokenMark.isEmpty { return bytes.filter { $0 != UInt8(ascii: " ") } }
    return Array(bytes.dropFirst(decoding.leadingBytes(of: bytes)))
  }
}
