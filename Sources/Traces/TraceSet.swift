import Checkpoints
package import Foundation
import Synchronization

/// A whole trace: the shards of one folder, with random access to sequences.
///
/// Decoded row groups stay in memory up to a limit, the longest unused goes first. Any thread may
/// use it.
package final class TraceSet: Sendable {
  /// The folder.
  package let path: String
  /// What all shards have in common.
  package let metadata: TraceMetadata
  /// Rows of each sequence, by index.
  package let lengths: [Int]
  /// Id of each sequence, by index; rising.
  package let ids: [Int64]
  /// SHA-256 of the list of the shards' sums: tells this trace from all others.
  package let fingerprint: String

  private let shards: [TraceShardReader]
  /// The shard and the span in it, by index of the sequence.
  private let places: [(shard: Int, span: Int)]
  private let cache: Mutex<GroupCache>

  /// Opens every shard and compares it with its sum.
  ///
  /// - Parameter cacheBytes: decoded rows to keep in memory.
  /// - Throws: when there is no shard, one is missing or damaged, or they are of different traces.
  package init(folder: URL, cacheBytes: Int = 512 << 20) throws(TraceError) {
    path = folder.path
    let names = try ShardName.all(in: folder)
    guard !names.isEmpty else { throw TraceError(path: folder.path, problem: .noShards) }
    var sums = try ChecksumList(traceFolder: folder)
    var shards: [TraceShardReader] = []
    for name in names {
      let shard = try TraceShardReader(folder.appendingPathComponent(name.description))
      sums.digests[name.description] = try shard.verify(
        expected: sums.digests[name.description])
      if let first = shards.first,
        let difference = shard.metadata.firstDifference(from: first.metadata)
      {
        throw TraceError(path: shard.path, problem: .mismatch(difference))
      }
      if let before = shards.last?.spans.last, let first = shard.spans.first,
        first.sequenceID <= before.sequenceID
      {
        throw TraceError(
          path: shard.path,
          problem: .badRow(
            0, "starts sequence \(first.sequenceID), but the shard before has it already"))
      }
      shards.append(shard)
    }
    metadata = shards[0].metadata
    fingerprint = ChecksumList.digest(of: Data(sums.text.utf8))
    places = shards.enumerated().flatMap { index, shard in
      shard.spans.indices.map { (index, $0) }
    }
    lengths = shards.flatMap { $0.spans.map(\.rowCount) }
    ids = shards.flatMap { $0.spans.map(\.sequenceID) }
    self.shards = shards
    cache = Mutex(GroupCache(limit: cacheBytes))
  }

  /// Number of sequences.
  package var count: Int { lengths.count }

  /// Rows of all sequences.
  package var rowCount: Int { lengths.reduce(0, +) }

  /// Refuses the trace when it is not in the student's tokens.
  ///
  /// - Throws: `.mismatch` with both sides.
  package func requireTokenizer(sha256: String, vocabularySize: Int) throws(TraceError) {
    guard metadata.tokenizerSHA256 == sha256 else {
      throw TraceError(
        path: path,
        problem: .mismatch(
          TraceError.Difference(
            fact: "tokenizer SHA-256", found: metadata.tokenizerSHA256, expected: sha256)))
    }
    guard metadata.vocabularySize <= vocabularySize else {
      throw TraceError(
        path: path,
        problem: .mismatch(
          TraceError.Difference(
            fact: "vocabulary size", found: "\(metadata.vocabularySize)",
            expected: "at most \(vocabularySize)")))
    }
  }

  /// The sequence at `index`, from 0 to `count - 1`.
  ///
  /// - Throws: when the file is damaged.
  package func sequence(at index: Int) throws(TraceError) -> TraceSequence {
    let place = places[index]
    return try shards[place.shard].sequence(atSpan: place.span, from: rows(holding: place))
  }

  /// Two threads that miss the same group both decode it, which is right and rare.
  private func rows(holding place: (shard: Int, span: Int)) throws(TraceError) -> TraceRows {
    let shard = shards[place.shard]
    let key = GroupCache.Key(shard: place.shard, group: shard.group(ofSpan: place.span))
    if let rows = cache.withLock({ $0.rows(for: key) }) { return rows }
    let rows = try shard.rows(ofGroup: key.group)
    cache.withLock { $0.insert(rows, for: key) }
    return rows
  }
}

/// Decoded row groups, the most recently used ones.
private struct GroupCache {
  struct Key: Hashable {
    let shard: Int
    let group: Int
  }

  let limit: Int
  private var byteCount = 0
  private var clock: UInt64 = 0
  private var entries: [Key: (rows: TraceRows, lastUse: UInt64)] = [:]

  init(limit: Int) { self.limit = limit }

  mutating func rows(for key: Key) -> TraceRows? {
    clock += 1
    entries[key]?.lastUse = clock
    return entries[key]?.rows
  }

  /// Groups are few hundred at most, so that looking at all of them for the oldest costs nothing
  /// beside decoding one.
  mutating func insert(_ rows: TraceRows, for key: Key) {
    guard entries[key] == nil else { return }
    clock += 1
    entries[key] = (rows, clock)
    byteCount += rows.byteCount
    while byteCount > limit, entries.count > 1,
      let oldest = entries.min(by: { $0.value.lastUse < $1.value.lastUse })
    {
      entries[oldest.key] = nil
      byteCount -= oldest.value.rows.byteCount
    }
  }
}
