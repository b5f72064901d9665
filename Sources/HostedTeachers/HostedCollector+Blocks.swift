// What becomes of a block whose prompts are done with, on the disk.
extension HostedCollector {
  /// What the disk is done with.
  enum DiskOutcome: Sendable {
    case flushed
    case wrote(block: Int, ids: [Int64])
    case failed(any Error)
  }

  /// Marks what earlier runs did.
  func takeOver() {
    for block in blocks.indices where blocks.isWritten(block) {
      storedCount += blocks.ids(of: block).count { journal.past.poison[Int64($0)] == nil }
    }
    let stored = journal.stored
    for id in stored where !blocks.isDone(Int(id)) {
      storedCount += 1
      blocks.finish(Int(id))
    }
    for id in journal.past.poison.keys where !blocks.isDone(Int(id)) { blocks.finish(Int(id)) }
    for (id, count) in journal.past.failures {
      strikes[Int(id)] = Strikes(count: min(count, options.attemptsMax - 1), unusable: count)
    }
  }

  func done(_ id: Int) {
    strikes[id] = nil
    if journal.past.poison[Int64(id)] == nil { storedCount += 1 }
    blocks.finish(id)
    let block = blocks.block(of: id)
    finishBlocks(in: block..<(block + 1))
  }

  func finishBlocks(in range: Range<Int>) {
    for block in range where blocks.isWhole(block) { write(block) }
  }

  /// Blocks of a collection that ends before their prompts are all asked.
  func writePartialBlocks() {
    for block in blocks.indices where !blocks.isWritten(block) && !blocks.isWhole(block) {
      if blocks.ids(of: block).contains(where: blocks.isDone) { write(block) }
    }
  }

  func write(_ block: Int) {
    guard let writeShard else { return }
    let ids = blocks.ids(of: block).map { Int64($0) }.filter(journal.isStored)
    let captures = journal.capturing(ids)
    let flush = journal.flushing()
    disk.start {
      do {
        // Before a shard says so, the disk must.
        try flush?()
        try writeShard(block, try captures())
        return .wrote(block: block, ids: ids)
      } catch {
        return .failed(error)
      }
    }
  }

  func onDisk(_ work: @escaping @Sendable () throws(HostedTeacherError) -> Void) {
    disk.start {
      do throws(HostedTeacherError) {
        try work()
        return .flushed
      } catch {
        return .failed(error)
      }
    }
  }

  func takeFromDisk(_ outcomes: [DiskOutcome]) throws {
    for outcome in outcomes {
      switch outcome {
      case .flushed: break
      case .wrote(let block, let ids):
        blocks.wrote(block)
        onDisk(try journal.forgetting(ids))
      case .failed(let error): throw error
      }
    }
  }

  func finishDisk() throws {
    while disk.owed > 0 { try takeFromDisk(disk.takeAll()) }
  }
}
