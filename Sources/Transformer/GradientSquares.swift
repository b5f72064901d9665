internal import Kernels

/// The sums of the squares of gradients, as far as they were taken when the gradients were written: those
/// of the projections, in a backward pass that sets.
final class GradientSquares {
  // No sum of squares is negative.
  private static let notTaken = -1.0

  /// By tensor, in the layout's order.
  private let sums: AlignedBuffer<Double>
  /// What a sum is added up from, for the largest of the tensors.
  let parts: AlignedBuffer<Double>

  init(_ layout: ParameterLayout) {
    sums = AlignedBuffer(count: layout.views.count)
    let matrices = layout.blocks.joined().map { layout.views[$0].shape }.filter { $0.count == 2 }
    parts = AlignedBuffer(
      count: matrices.map { squareSumCount(m: $0[0], n: $0[1]) }.max() ?? 0)
    forget()
  }

  /// Before a backward pass.
  func forget() { sums.elements.update(repeating: Self.notTaken) }

  /// A tensor's sum; nil when it was not taken.
  subscript(index: Int) -> Double? {
    get { sums[index] == Self.notTaken ? nil : sums[index] }
    set { sums[index] = newValue ?? Self.notTaken }
  }
}
