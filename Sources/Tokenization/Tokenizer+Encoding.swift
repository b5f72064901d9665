extension Tokenizer {
  /// The token ids of `text`.
  ///
  /// Added tokens such as `<|endoftext|>` are recognised where the text spells them; none is added.
  package func encode(_ text: String) -> [Int32] {
    var ids: [Int32] = []
    ids.reserveCapacity(text.utf8.count / 3)
    var text = text
    text.withUTF8 { text in
      scratchPool.with { scratch in
        addedTokens.forEachPart(of: text) { part, addedToken in
          if let addedToken {
            ids.append(addedToken)
          } else {
            encode(part, of: text, scratch, &ids)
          }
        }
      }
    }
    return ids
  }

  /// The token ids of `text` with those around it that the model expects, such as `<s>` before it.
  package func encodeWithSpecialTokens(_ text: String) -> [Int32] {
    frame.before + encode(text) + frame.after
  }

  /// The tokens of `text` and where each lies in its UTF-8. The ranges never go back, and a
  /// character may be cut by them. Where nothing is normalized, they follow without gaps; a space
  /// that a tokenizer puts before a text is no part of any range.
  package func encodeWithOffsets(_ text: String) -> [(id: Int32, bytes: Range<Int>)] {
    var result: [(id: Int32, bytes: Range<Int>)] = []
    var text = text
    text.withUTF8 { text in
      scratchPool.with { scratch in
        addedTokens.forEachPart(of: text) { part, addedToken in
          if let addedToken { return result.append((id: addedToken, bytes: part)) }
          let rebased = UnsafeBufferPointer(rebasing: text[part])
          guard !normalizers.isEmpty else {
            let text = EncodingText(bytes: rebased, base: part.lowerBound, aligned: nil)
            return locate(text, scratch, &result)
          }
          let normalized = Normalizer.apply(
            normalizers, to: AlignedText(rebased, base: part.lowerBound, isAligned: true))
          normalized.bytes.withUnsafeBufferPointer { bytes in
            let text = EncodingText(bytes: bytes, base: part.lowerBound, aligned: normalized)
            locate(text, scratch, &result)
          }
        }
      }
    }
    return result
  }

  /// Appends the ids of a stretch of text without unnormalized added tokens.
  private func encode(
    _ part: Range<Int>, of text: UnsafeBufferPointer<UInt8>, _ scratch: EncodingScratch,
    _ ids: inout [Int32]
  ) {
    if normalizers.isEmpty, normalizedTokens.isEmpty, onlySplits {
      return encodePieces(part, of: text, scratch, &ids)
    }
    let rebased = UnsafeBufferPointer(rebasing: text[part])
    if normalizers.isEmpty {
      return encodeNormalized(
        EncodingText(bytes: rebased, base: part.lowerBound, aligned: nil), scratch, &ids)
    }
    let normalized = Normalizer.apply(
      normalizers, to: AlignedText(rebased, base: part.lowerBound, isAligned: false))
    normalized.bytes.withUnsafeBufferPointer { bytes in
      encodeNormalized(
        EncodingText(bytes: bytes, base: part.lowerBound, aligned: nil), scratch, &ids)
    }
  }

  private func encodeNormalized(
    _ text: EncodingText, _ scratch: EncodingScratch, _ ids: inout [Int32]
  ) {
    normalizedTokens.forEachPart(of: text.bytes) { part, addedToken in
      if let addedToken { return ids.append(addedToken) }
      if onlySplits { return encodePieces(part, of: text.bytes, scratch, &ids) }
      scratch.forEachPiece(part, of: text, by: preTokenizers[...], isAligned: false) {
        text, piece in
        model.encode(UnsafeBufferPointer(rebasing: text.bytes[piece]), scratch, into: &ids)
      }
    }
  }

  private func encodePieces(
    _ part: Range<Int>, of text: UnsafeBufferPointer<UInt8>, _ scratch: EncodingScratch,
    _ ids: inout [Int32]
  ) {
    scratch.cut(part, of: text, by: preTokenizers[...])
    for piece in scratch.pieces where !piece.isEmpty {
      model.encode(UnsafeBufferPointer(rebasing: text[piece]), scratch, into: &ids)
    }
  }

  private func locate(
    _ text: EncodingText, _ scratch: EncodingScratch,
    _ result: inout [(id: Int32, bytes: Range<Int>)]
  ) {
    normalizedTokens.forEachPart(of: text.bytes) { part, addedToken in
      if let addedToken { return result.append((id: addedToken, bytes: text.original(part))) }
      scratch.forEachPiece(part, of: text, by: preTokenizers[...], isAligned: true) { text, piece in
        var unknownLengths: [Int] = []
        model.tokenize(UnsafeBufferPointer(rebasing: text.bytes[piece]), scratch) {
          unknownLengths.append($0)
        }
        var start = piece.lowerBound
        var unknowns = unknownLengths.makeIterator()
        for id in scratch.tokens {
          let length =
            id == model.unknown ? unknowns.next() ?? 0 : Int(coveredBytes[Int(id)])
          let end = min(start + length, piece.upperBound)
          let original =
            start < end
            ? text.original(start..<end)
            : result.last.map { $0.bytes.upperBound..<$0.bytes.upperBound } ?? 0..<0
          result.append((id: id, bytes: original))
          start = end
        }
      }
    }
  }
}
