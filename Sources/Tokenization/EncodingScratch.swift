internal import Synchronization

/// What one thread needs to encode: buffers, and the pieces that it has met before.
///
/// Text repeats its words, so remembering what a piece merged to saves nearly all merging.
final class EncodingScratch {
  let match = Pattern.Scratch()
  /// What `cut` left.
  private(set) var pieces: [Range<Int>] = []
  private var cutPieces: [Range<Int>] = []
  var merging = BytePairMerging()
  var tokens: [Int32] = []
  private var known = PieceMemory()

  /// Cuts a stretch of `text` into `pieces`, by steps that only split.
  func cut(
    _ part: Range<Int>, of text: UnsafeBufferPointer<UInt8>, by steps: ArraySlice<PreTokenizer>
  ) {
    pieces.removeAll(keepingCapacity: true)
    pieces.append(part)
    cut(of: text, by: steps)
  }

  private func cut(of text: UnsafeBufferPointer<UInt8>, by steps: ArraySlice<PreTokenizer>) {
    for case .split(let splitter) in steps {
      cutPieces.removeAll(keepingCapacity: true)
      for piece in pieces where !piece.isEmpty {
        splitter.split(piece, of: text, scratch: match, into: &cutPieces)
      }
      swap(&pieces, &cutPieces)
    }
  }

  /// Cuts a stretch of `text` by all of `steps`, and calls `body` with the pieces in order and the
  /// text that they are pieces of, which is another one after a step that changes text.
  func forEachPiece(
    _ part: Range<Int>, of text: EncodingText, by steps: ArraySlice<PreTokenizer>,
    isAligned: Bool, _ body: (EncodingText, Range<Int>) -> Void
  ) {
    pieces.removeAll(keepingCapacity: true)
    pieces.append(part)
    run(text, steps, isAligned: isAligned, body)
  }

  private func run(
    _ text: EncodingText, _ steps: ArraySlice<PreTokenizer>, isAligned: Bool,
    _ body: (EncodingText, Range<Int>) -> Void
  ) {
    let changing = steps.firstIndex { if case .split = $0 { false } else { true } }
    cut(of: text.bytes, by: steps[..<(changing ?? steps.endIndex)])
    guard let changing else {
      for piece in pieces where !piece.isEmpty { body(text, piece) }
      return
    }
    var rewritten = AlignedText(isAligned: isAligned)
    for index in pieces.indices {
      let start = rewritten.bytes.count
      steps[changing].rewritten(pieces[index], of: text, into: &rewritten)
      pieces[index] = start..<rewritten.bytes.count
    }
    var rest = steps[(changing + 1)...]
    if case .metaspace(_, _, let splitter?) = steps[changing] {
      rest = ArraySlice([.split(splitter)] + rest)
    }
    rewritten.bytes.withUnsafeBufferPointer { bytes in
      let text = EncodingText(bytes: bytes, base: text.base, aligned: isAligned ? rewritten : nil)
      run(text, rest, isAligned: isAligned, body)
    }
  }

  /// Appends what `piece` was merged to before; false if that is not known.
  func recall(_ piece: UnsafeBufferPointer<UInt8>, into ids: inout [Int32]) -> Bool {
    known.recall(piece, into: &ids)
  }

  /// Remembers that `piece` merges to `tokens`.
  func remember(_ piece: UnsafeBufferPointer<UInt8>) { known.remember(piece, tokens) }

  /// Scratch that waits for the next thread, so that what was learned stays warm.
  ///
  /// The lock is held to take and to give back, never while encoding.
  final class Pool: Sendable {
    private let idle = Mutex<[Unshared]>([])
    private static let idleMax = 16

    // The pool gives a scratch to one caller at a time and keeps no other reference to it.
    private struct Unshared: @unchecked Sendable { let scratch: EncodingScratch }

    func with<Result>(_ body: (EncodingScratch) -> Result) -> Result {
      let scratch = idle.withLock { $0.popLast() }?.scratch ?? EncodingScratch()
      let result = body(scratch)
      let returned = Unshared(scratch: scratch)
      idle.withLock { if $0.count < Self.idleMax { $0.append(returned) } }
      return result
    }
  }
}
