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

/// Where the head's gradient is between the loss and the update.
package enum HeadGradientPlace: Sendable {
  /// With all others.
  case region
  /// Nowhere whole: its owner computes it piece by piece, as often as it is needed. Its part of the
  /// region is never touched, so that it takes no memory.
  case pieces
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
  /// Bytes at the region's end that are somebody's from the forward pass's end until the backward pass
  /// begins, whatever the model does in between; 0 when there is no room for what was asked.
  let bytesUntilBackward: Int
  private let first: Int
  private let ends: [Int]

  /// - Parameter floatsUntilBackward: how many somebody else would use between the two passes.
  init(
    _ layout: ParameterLayout, floatsUntilBackward: Int = 0, base: UnsafeMutableRawPointer? = nil
  ) {
    self.base = base
    func bytes(before view: Int) -> Int {
      layout.views[view].offset * MemoryLayout<Float>.stride
    }
    ends =
      layout.blocks.map { bytes(before: $0.lowerBound) } + [
        bytes(before: layout.viewsAfterBlocks.lowerBound)
      ]
    first = layout["lm_head.weight"] == nil ? ends[0] : 0
    let asked = (floatsUntilBackward * MemoryLayout<Float>.stride + 63) / 64 * 64
    bytesUntilBackward = asked <= ends[ends.count - 1] - first ? asked : 0
  }

  /// Bytes of the region that are free until the backward pass of `block` is over; of as many as there
  /// are blocks: until that of the final norm is.
  func range(until block: Int) -> Range<Int> { first..<min(ends[block], endOfModel) }

  /// Where what is asked for until the backward pass lies; nil when nothing is.
  var memoryUntilBackward: UnsafeMutablePointer<Float>? {
    guard bytesUntilBackward > 0 else { return nil }
    return base.map {
      ($0 + endOfModel).bindMemory(
        to: Float.self, capacity: bytesUntilBackward / MemoryLayout<Float>.stride)
    }
  }

  // The region's end is free for the shortest time, so it goes to what is needed for the shortest.
  private var endOfModel: Int { ends[ends.count - 1] - bytesUntilBackward }
}
