/// Whose the memory of the gradients is between two updates.
package enum GradientMemory: Sendable {
  /// Theirs alone: several backward passes may add up.
  case own
  /// What a step computes with lies there until a gradient is written: for steps of one backward
  /// pass, which sets.
  case lent

  /// That of steps of so many micro-batches.
  package init(accumulation: Int) { self = accumulation == 1 ? .lent : .own }
}

/// The gradients' memory, while the backward pass has not come to it yet.
///
/// The backward pass goes from the last block to the first, and the region is in the blocks' order.
/// What belongs to a block is read no more when the gradients of the blocks before it are written, so
/// it may lie where those will be. An embedding that is the head, too, is lent to nobody: the loss
/// writes its gradient before the backward pass.
struct LentGradients {
  /// The region; nil measures only.
  let base: UnsafeMutableRawPointer?
  private let first: Int
  private let ends: [Int]

  init(_ layout: ParameterLayout, base: UnsafeMutableRawPointer? = nil) {
    self.base = base
    func bytes(before view: Int) -> Int {
      layout.views[view].offset * MemoryLayout<Float>.stride
    }
    ends =
      layout.blocks.map { bytes(before: $0.lowerBound) } + [
        bytes(before: layout.viewsAfterBlocks.lowerBound)
      ]
    first = layout["lm_head.weight"] == nil ? ends[0] : 0
  }

  /// Bytes of the region that are free until the backward pass of `block` is over; of as many as there
  /// are blocks: until that of the final norm is.
  func range(until block: Int) -> Range<Int> { first..<ends[block] }
}
