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

  private var known = ByteStringTable(minimumCapacity: 1 << 10)
  private var knownTokens: [Int32] = []
  private var knownEnds: [Int] = []
  /// Longer pieces seldom come twice.
  private static let knownPieceBytesMax = 48
  private static let knownPiecesMax = 1 << 16

  /// Cuts a stretch of `text` into `pieces`.
  func cut(
    _ part: Range<Int>, of text: UnsafeBufferPointer<UInt8>, by preTokenizers: [PreTokenizer]
  ) {
    pieces.removeAll(keepingCapacity: true)
    pieces.append(part)
    for preTokenizer in preTokenizers {
      cutPieces.removeAll(keepingCapacity: true)
      for piece in pieces {
        preTokenizer.split(piece, of: text, scratch: match, into: &cutPieces)
      }
      swap(&pieces, &cutPieces)
    }
  }

  /// Appends what `piece` was merged to before; false if that is not known.
  func recall(_ piece: UnsafeBufferPointer<UInt8>, into ids: inout [Int32]) -> Bool {
    guard piece.count <= Self.knownPieceBytesMax, let index = known.index(of: piece) else {
      return false
    }
    ids.append(contentsOf: knownTokens[(index == 0 ? 0 : knownEnds[index - 1])..<knownEnds[index]])
    return true
  }

  /// Remembers that `piece` merges to `tokens`.
  func remember(_ piece: UnsafeBufferPointer<UInt8>) {
    guard piece.count <= Self.knownPieceBytesMax else { return }
    if known.count == Self.knownPiecesMax {
      known.removeAll()
      knownTokens.removeAll(keepingCapacity: true)
      knownEnds.removeAll(keepingCapacity: true)
    }
    _ = known.insert(piece)
    knownTokens.append(contentsOf: tokens)
    knownEnds.append(knownTokens.count)
  }

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
