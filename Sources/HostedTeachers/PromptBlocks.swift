/// Which prompts are done with, and which blocks of them: the captures of a block go into the shard of
/// its number.
struct PromptBlocks {
  private let size: Int
  private var done: [Bool]
  /// Prompts of each block that are not done with; nil for blocks whose shard exists.
  private var left: [Int?]

  /// - Parameter shards: numbers of the shards that exist; their prompts are done with.
  init(promptCount: Int, size: Int, shards: Set<Int>) {
    self.size = size
    done = Array(repeating: false, count: promptCount)
    left = stride(from: 0, to: promptCount, by: size).map { first in
      shards.contains(first / size) ? nil : min(size, promptCount - first)
    }
    for block in left.indices where left[block] == nil {
      for id in ids(of: block) { done[id] = true }
    }
  }

  /// All blocks.
  var indices: Range<Int> { left.indices }

  /// The prompts of a block.
  func ids(of block: Int) -> Range<Int> {
    block * size..<min(done.count, (block + 1) * size)
  }

  /// The block of a prompt.
  func block(of id: Int) -> Int { id / size }

  /// Whether a prompt is stored or given up.
  func isDone(_ id: Int) -> Bool { done[id] }

  /// Whether the shard of a block exists.
  func isWritten(_ block: Int) -> Bool { left[block] == nil }

  /// Whether a block has no prompt left, and no shard yet.
  func isWhole(_ block: Int) -> Bool { left[block] == 0 }

  /// Notes that a prompt is done with.
  mutating func finish(_ id: Int) {
    done[id] = true
    left[block(of: id)]? -= 1
  }

  /// Notes that the shard of a block exists.
  mutating func wrote(_ block: Int) { left[block] = nil }
}
