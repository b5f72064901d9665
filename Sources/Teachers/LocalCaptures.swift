import Foundation
package import Tokenization
import Traces

/// A text that a local teacher is asked about for a student of another tokenizer.
package struct CaptureText: Equatable, Sendable {
  /// Its place in the corpus; ids rise.
  package let id: Int64
  /// The context, encoded for itself; may be empty.
  package let prompt: String
  /// What the teacher's signal is wanted for.
  package let text: String
  /// Whether the end of text follows.
  package let endsText: Bool

  /// A text behind a prompt.
  package init(id: Int64, prompt: String = "", text: String, endsText: Bool) {
    self.id = id
    self.prompt = prompt
    self.text = text
    self.endsText = endsText
  }

  /// Cuts a running text where at most `length` of the teacher's tokens fit into each piece; a piece
  /// ends with a whole character.
  package static func pieces(
    of text: String, tokenizer: Tokenizer, length: Int
  ) -> [CaptureText] {
    let tokens = tokenizer.encodeWithOffsets(text)
    let bytes = Array(text.utf8)
    var pieces: [CaptureText] = []
    var first = 0
    var start = 0
    while first < tokens.count {
      var last = min(tokens.count, first + length)
      func end() -> Int { last < tokens.count ? tokens[last].bytes.lowerBound : bytes.count }
      // Back to a token that begins with a character; a piece of half a one cannot be read.
      while last > first + 1, end() < bytes.count, bytes[end()] & 0xC0 == 0x80 { last -= 1 }
      var cut = end()
      while cut < bytes.count, bytes[cut] & 0xC0 == 0x80 { cut += 1 }
      pieces.append(
        CaptureText(
          id: Int64(pieces.count), text: String(decoding: bytes[start..<cut], as: UTF8.self),
          endsText: false))
      start = cut
      first = last
    }
    return pieces
  }
}

/// A text in a teacher's tokens, and back from its rows to a capture.
struct TeacherTokenization {
  private let source: CaptureText
  private let promptCount: Int
  /// Where each token lies in its part; the end of text is not among them.
  private let prompt: [(id: Int32, bytes: Range<Int>)]
  private let text: [(id: Int32, bytes: Range<Int>)]
  /// The text as it is scored, at most as long as was asked.
  let sequence: UnscoredSequence
  private let end: Int32?

  /// - Parameter lengthLimit: tokens of the longest text; a longer one is cut, and its capture with it.
  init(_ source: CaptureText, tokenizer: Tokenizer, lengthLimit: Int) {
    let prompt = source.prompt.isEmpty ? [] : tokenizer.encodeWithOffsets(source.prompt)
    var text = tokenizer.encodeWithOffsets(source.text)
    var end = source.endsText ? tokenizer.endOfText : nil
    let bytes = Array(source.text.utf8)
    let room = max(0, lengthLimit - prompt.count)
    var kept = source
    if text.count + (end == nil ? 0 : 1) > room {
      text = Array(text.prefix(room))
      while let last = text.last, last.bytes.upperBound < bytes.count,
        bytes[last.bytes.upperBound] & 0xC0 == 0x80
      {
        text.removeLast()
      }
      end = nil
      let cut = bytes[..<(text.last?.bytes.upperBound ?? 0)]
      kept = CaptureText(
        id: source.id, prompt: source.prompt, text: String(decoding: cut, as: UTF8.self),
        endsText: false)
    }
    self.source = kept
    self.prompt = prompt
    self.text = text
    self.end = end
    promptCount = prompt.count
    sequence = UnscoredSequence(
      id: source.id,
      tokens: Array(
        (prompt.map(\.id) + text.map(\.id) + [end].compactMap(\.self)).prefix(lengthLimit)),
      firstTarget: promptCount)
  }

  /// Whether the text did not fit.
  func isCut(from original: CaptureText) -> Bool { source != original }

  /// The teacher's rows as a capture.
  func capture(_ rows: TraceSequence, tokenizer: Tokenizer) -> Capture {
    var tokens = CapturedTokens()
    tokens.promptCount = promptCount
    let parts = [(source.prompt, prompt), (source.text, text)]
    var row = 0
    for (string, part) in parts {
      let bytes = Array(string.utf8)
      for (index, token) in part.enumerated() {
        append(
          token.id, Array(bytes[token.bytes]), row: row, rows,
          dropsSpace: index == 0
            && tokenizer.bytes(of: token.id).count > token.bytes.count, to: &tokens, tokenizer)
        row += 1
      }
    }
    if let end, row < rows.count {
      append(end, [], row: row, rows, dropsSpace: false, to: &tokens, tokenizer)
    }
    return Capture(
      id: source.id, prompt: source.prompt, text: source.text, tokens: tokens,
      finishReason: end == nil ? "length" : "stop")
  }

  /// - Parameter dropsSpace: whether the tokenizer put a space before this token that the text does
  ///   not have, so that its candidates have one too many.
  private func append(
    _ id: Int32, _ bytes: [UInt8], row: Int, _ rows: TraceSequence, dropsSpace: Bool,
    to tokens: inout CapturedTokens, _ tokenizer: Tokenizer
  ) {
    let first = row * rows.topK
    let candidates = first..<(first + (row < rows.count ? Int(rows.candidateCounts[row]) : 0))
    let own = candidates.first { rows.topKIDs[$0] == id }
    tokens.append(
      bytes, id: id, logprob: own.map { rows.topKLogprobs[$0] } ?? CapturedTokens.unknownLogprob)
    for place in candidates {
      let candidate = rows.topKIDs[place]
      var text = tokenizer.addedTokenIDs.contains(candidate) ? [] : tokenizer.bytes(of: candidate)
      if dropsSpace, text.first == UInt8(ascii: " ") { text.removeFirst() }
      tokens.appendCandidate(text, id: candidate, logprob: rows.topKLogprobs[place])
    }
  }
}
