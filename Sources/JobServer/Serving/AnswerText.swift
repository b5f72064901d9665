internal import Tokenization

/// The text of one answer as its tokens come, ended before the first of its stop texts to be whole.
///
/// Text that may be the beginning of a stop text is held back until that is decided, so that what
/// was given out never has to be taken back.
struct AnswerText {
  private var decoder: StreamingDecoder
  private let stops: [[UInt8]]
  private var held: [UInt8] = []
  /// Whether a stop text came; nothing follows then.
  private(set) var isStopped = false

  init(_ tokenizer: Tokenizer, stops: [String]) {
    decoder = StreamingDecoder(tokenizer)
    self.stops = stops.map { Array($0.utf8) }.filter { !$0.isEmpty }
  }

  /// The text that `token` completes, in whole characters.
  mutating func append(_ token: Int32) -> String {
    guard !isStopped else { return "" }
    return release(Array(decoder.append(token).utf8), isLast: false)
  }

  /// What is left at the end.
  mutating func finish() -> String {
    guard !isStopped else { return "" }
    return release(Array(decoder.finish().utf8), isLast: true)
  }

  private mutating func release(_ bytes: [UInt8], isLast: Bool) -> String {
    if stops.isEmpty { return String(decoding: bytes, as: UTF8.self) }
    held += bytes
    if let start = firstStop() {
      isStopped = true
      return String(decoding: held[..<start], as: UTF8.self)
    }
    let kept = isLast ? 0 : longestBeginning()
    let end = held.count - kept
    let text = String(decoding: held[..<end], as: UTF8.self)
    held.removeFirst(end)
    return text
  }

  /// Where the first stop text in what is held begins.
  private func firstStop() -> Int? {
    held.indices.first { start in
      stops.contains { held[start...].starts(with: $0) }
    }
  }

  /// How many bytes at the end may be the beginning of a stop text.
  private func longestBeginning() -> Int {
    let longest = min(held.count, (stops.map(\.count).max() ?? 1) - 1)
    return stride(from: longest, to: 0, by: -1).first { count in
      stops.contains { $0.count > count && $0.starts(with: held.suffix(count)) }
    } ?? 0
  }
}
