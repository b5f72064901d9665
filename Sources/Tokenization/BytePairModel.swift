/// The vocabulary and merges of a tokenizer: pieces of text to tokens.
///
/// A piece begins as one token a symbol, a byte or a character, and tokens are merged pair by
/// pair, lowest rank first. A character that is no token becomes the tokens of its bytes, or the
/// unknown token, as the file says.
struct BytePairModel: Sendable {
  /// What a piece is made of before merging.
  enum Symbols: Sendable {
    case bytes
    case characters
  }

  let symbols: Symbols
  let merges: MergeTable
  /// The token of each byte; −1 where there is none.
  let byteTokens: [Int32]
  /// The tokens of characters, those below U+0080 in their own table.
  let asciiTokens: [Int32]
  let characterTokens: [UInt32: Int32]
  let unknown: Int32?
  let fusesUnknown: Bool
  /// Pieces that are one token whatever their merges say; nil where merges decide.
  let wholePieces: (table: ByteStringTable, ids: [Int32])?
  /// Where a long piece may be cut without changing its tokens; nil where it may not.
  let boundaries: MergeBoundaries?

  /// The tokens of `piece`, from memory where it came before.
  func encode(
    _ piece: UnsafeBufferPointer<UInt8>, _ scratch: EncodingScratch, into ids: inout [Int32]
  ) {
    guard let boundaries, piece.count > MergeBoundaries.pieceBytesMin else {
      return encodeWord(piece, scratch, into: &ids)
    }
    var start = 0
    while start < piece.count {
      let end = boundaries.end(in: piece, from: start, self)
      encodeWord(UnsafeBufferPointer(rebasing: piece[start..<end]), scratch, into: &ids)
      start = end
    }
  }

  private func encodeWord(
    _ word: UnsafeBufferPointer<UInt8>, _ scratch: EncodingScratch, into ids: inout [Int32]
  ) {
    if scratch.recall(word, into: &ids) { return }
    tokenize(word, scratch, unknownLengths: nil)
    scratch.remember(word)
    ids.append(contentsOf: scratch.tokens)
  }

  /// Leaves the tokens of `piece` in `scratch.tokens`.
  ///
  /// - Parameter unknownLengths: told the bytes of each unknown token, in order.
  func tokenize(
    _ piece: UnsafeBufferPointer<UInt8>, _ scratch: EncodingScratch,
    unknownLengths: ((Int) -> Void)?
  ) {
    scratch.tokens.removeAll(keepingCapacity: true)
    if let wholePieces, let index = wholePieces.table.index(of: piece) {
      scratch.tokens.append(wholePieces.ids[index])
      return
    }
    var unknownBytes = 0
    func flushUnknown() {
      guard unknownBytes > 0, let unknown else { return }
      scratch.tokens.append(unknown)
      unknownLengths?(unknownBytes)
      unknownBytes = 0
    }
    var place = 0
    while place < piece.count {
      let length: Int
      let token: Int32
      switch symbols {
      case .bytes:
        length = 1
        token = byteTokens[Int(piece[place])]
      case .characters: (token, length) = characterToken(in: piece, at: place)
      }
      let range = place..<place + length
      place += length
      if token >= 0 {
        flushUnknown()
        scratch.tokens.append(token)
      } else if symbols == .characters, range.allSatisfy({ byteTokens[Int(piece[$0])] >= 0 }) {
        // What is unknown before stays behind these, as in Hugging Face.
        for byte in piece[range] { scratch.tokens.append(byteTokens[Int(byte)]) }
      } else if unknown != nil {
        if !fusesUnknown { flushUnknown() }
        unknownBytes += length
      }
    }
    flushUnknown()
    scratch.merging.merge(&scratch.tokens, with: merges)
  }

  /// The token of the character at `place`, −1 if it has none, and its bytes.
  @inline(__always)
  func characterToken(
    in piece: UnsafeBufferPointer<UInt8>, at place: Int
  ) -> (token: Int32, length: Int) {
    let first = piece[place]
    if first < 0x80 { return (asciiTokens[Int(first)], 1) }
    let (value, length) = UTF8Text.value(in: piece, at: place)
    return (characterTokens[value] ?? -1, length)
  }
}
