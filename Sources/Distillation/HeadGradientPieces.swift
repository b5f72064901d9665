internal import Kernels
internal import Transformer

/// The head's gradient, computed piece by piece: once for the norm, and once more for the update.
///
/// It is the largest tensor of a model with a large vocabulary, and nobody needs it whole. With few rows
/// a step, computing it twice costs about what writing and reading it costs (a piece is used while it
/// is in a cache), and its memory is not needed.
struct HeadGradientPieces {
  /// Bytes of a piece: some for every thread's second-level cache, and enough for a product to pay.
  private static let pieceBytes = 4 << 20

  /// The head's weights, `[V, d]`.
  let view: ParameterView
  /// Rows of a piece, the last one excepted.
  private let rowsAtOnce: Int
  private let piece: AlignedBuffer<Float>

  init(_ layout: ParameterLayout) {
    view = layout.head
    rowsAtOnce = Self.rowsAtOnce(view)
    piece = AlignedBuffer(count: rowsAtOnce * view.shape[1])
  }

  /// Bytes of the memory that a piece takes.
  static func bytes(_ layout: ParameterLayout) -> Int {
    rowsAtOnce(layout.head) * layout.head.shape[1] * MemoryLayout<Float>.stride
  }

  /// A piece's elements are a multiple of the norm's grain, and it has more rows than columns, so that
  /// the hidden states are what a product packs for all threads.
  private static func rowsAtOnce(_ view: ParameterView) -> Int {
    let (vocabulary, width) = (view.shape[0], view.shape[1])
    let grain = squaredNormGrain / greatestCommonDivisor(width, squaredNormGrain)
    let rows = max(width + 1, pieceBytes / (width * MemoryLayout<Float>.stride))
    return min(vocabulary, (rows + grain - 1) / grain * grain)
  }

  /// The gradient by the last loss and backward pass.
  ///
  /// - Parameter body: gets every piece, in order, with its rows.
  func forEach(
    of loss: HeadLoss, and model: Transformer,
    _ body: (_ tokens: Range<Int>, _ gradient: UnsafePointer<Float>) -> Void
  ) {
    for first in stride(from: 0, to: view.shape[0], by: rowsAtOnce) {
      let tokens = first..<min(view.shape[0], first + rowsAtOnce)
      loss.headGradient(of: tokens, into: piece.pointer)
      model.addEmbeddingGradient(of: tokens, to: piece.pointer)
      body(tokens, piece.pointer)
    }
  }

  /// The sum of its squares: the bits of `Kernels.squaredNorm` over the whole.
  func squaredNorm(of loss: HeadLoss, and model: Transformer, team: ComputeTeam) -> Double {
    var square = 0.0
    forEach(of: loss, and: model) { tokens, gradient in
      let count = tokens.count * view.shape[1]
      square = Kernels.squaredNorm(gradient, count: count, after: square, team: team)
      model.profiler.lap(.gradientNorm, bytes: count * MemoryLayout<Float>.stride)
    }
    return square
  }
}

private func greatestCommonDivisor(_ left: Int, _ right: Int) -> Int {
  right == 0 ? left : greatestCommonDivisor(right, left % right)
}
