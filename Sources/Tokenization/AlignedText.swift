/// A text on its way to tokens, and where each of its bytes came from.
///
/// Original ranges never go back: where one character became several bytes, the first of them
/// stands for it whole, and the others for the empty range behind it.
struct AlignedText {
  private(set) var bytes: [UInt8] = []
  /// Where byte i's original begins and ends; empty when nobody asked for it.
  private var starts: [Int] = []
  private var ends: [Int] = []
  let isAligned: Bool

  init(isAligned: Bool) { self.isAligned = isAligned }

  /// `text` unchanged; its first byte is byte `base` of the original.
  init(_ text: UnsafeBufferPointer<UInt8>, base: Int, isAligned: Bool) {
    self.isAligned = isAligned
    bytes = Array(text)
    if isAligned {
      starts = Array(base..<base + text.count)
      ends = Array(base + 1..<base + text.count + 1)
    }
  }

  /// Appends a part of `source` as it is.
  mutating func append(_ source: AlignedText, _ range: Range<Int>) {
    bytes.append(contentsOf: source.bytes[range])
    if isAligned {
      starts.append(contentsOf: source.starts[range])
      ends.append(contentsOf: source.ends[range])
    }
  }

  /// Appends a part of `text` as it is, which begins at byte `base` of the original.
  mutating func append(_ text: EncodingText, _ range: Range<Int>) {
    bytes.append(contentsOf: text.bytes[range])
    guard isAligned else { return }
    for place in range {
      let original = text.original(place..<place + 1)
      starts.append(original.lowerBound)
      ends.append(original.upperBound)
    }
  }

  /// Appends `new` in place of the original bytes `original`.
  mutating func append(_ new: some Collection<UInt8>, for original: Range<Int>) {
    bytes.append(contentsOf: new)
    guard isAligned, !new.isEmpty else { return }
    starts.append(original.lowerBound)
    ends.append(original.upperBound)
    for _ in 1..<new.count {
      starts.append(original.upperBound)
      ends.append(original.upperBound)
    }
  }

  /// The original bytes of `range`, which is not empty; of no use when not aligned.
  func original(_ range: Range<Int>) -> Range<Int> {
    guard isAligned, range.upperBound <= ends.count, !range.isEmpty else { return 0..<0 }
    let start = starts[range.lowerBound]
    return start..<max(start, ends[range.upperBound - 1])
  }
}

/// A text that is being cut: its bytes, and how to find them in the original.
struct EncodingText {
  let bytes: UnsafeBufferPointer<UInt8>
  /// Where the text's first byte lies in the original, as long as nothing has changed.
  let base: Int
  /// What changed, if something did.
  let aligned: AlignedText?

  /// The original bytes of `range`.
  func original(_ range: Range<Int>) -> Range<Int> {
    aligned?.original(range) ?? base + range.lowerBound..<base + range.upperBound
  }
}
