extension Tokenizer {
  /// The token ids of `text`.
  ///
  /// Added tokens such as `<|endoftext|>` are recognised where the text spells them; none is added.
  package func encode(_ text: String) -> [Int32] {
    var ids: [Int32] = []
    ids.reserveCapacity(text.utf8.count / 3)
    encode(text, into: &ids)
    return ids
  }

  /// The tokens of `text` and where each lies in its UTF-8. The ranges follow each other without
  /// gaps, and a character may be cut by them.
  package func encodeWithOffsets(_ text: String) -> [(id: Int32, bytes: Range<Int>)] {
    var text = text
    var result: [(id: Int32, bytes: Range<Int>)] = []
    text.withUTF8 { text in
      scratchPool.with { scratch in
        var ids: [Int32] = []
        addedTokens.forEachPart(of: text) { part, addedToken in
          if let addedToken { return result.append((id: addedToken, bytes: part)) }
          scratch.cut(part, of: text, by: preTokenizers)
          for piece in scratch.pieces {
            ids.removeAll(keepingCapacity: true)
            encode(piece: UnsafeBufferPointer(rebasing: text[piece]), scratch, into: &ids)
            var start = piece.lowerBound
            for id in ids {
              let end = start + bytes(of: id).count
              result.append((id: id, bytes: start..<end))
              start = end
            }
          }
        }
      }
    }
    return result
  }

  private func encode(_ text: String, into ids: inout [Int32]) {
    var text = text
    text.withUTF8 { text in
      scratchPool.with { scratch in
        addedTokens.forEachPart(of: text) { part, addedToken in
          if let addedToken { return ids.append(addedToken) }
          scratch.cut(part, of: text, by: preTokenizers)
          for piece in scratch.pieces {
            encode(piece: UnsafeBufferPointer(rebasing: text[piece]), scratch, into: &ids)
          }
        }
      }
    }
  }

  private func encode(
    piece: UnsafeBufferPointer<UInt8>, _ scratch: EncodingScratch, into ids: inout [Int32]
  ) {
    if scratch.recall(piece, into: &ids) { return }
    scratch.tokens.removeAll(keepingCapacity: true)
    if let wholePieces, let index = wholePieces.table.index(of: piece) {
      scratch.tokens.append(wholePieces.ids[index])
    } else {
      for byte in piece { scratch.tokens.append(byteTokens[Int(byte)]) }
      scratch.merging.merge(&scratch.tokens, with: merges)
    }
    scratch.remember(piece)
    ids.append(contentsOf: scratch.tokens)
  }
}
