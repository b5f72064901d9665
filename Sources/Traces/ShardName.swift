import Foundation

/// The name of a shard: `kd_shard_000.parquet`, `kd_shard_001.parquet`, …
struct ShardName: Equatable, Comparable, CustomStringConvertible {
  let index: Int

  init(index: Int) { self.index = index }

  /// Nil when `name` is not the name of a shard.
  init?(_ name: String) {
    guard name.hasPrefix("kd_shard_"), name.hasSuffix(".parquet"),
      let index = Int(name.dropFirst(9).dropLast(8)), index >= 0
    else { return nil }
    self.index = index
    guard description == name else { return nil }
  }

  var description: String {
    let digits = String(index)
    return "kd_shard_\(String(repeating: "0", count: max(0, 3 - digits.count)))\(digits).parquet"
  }

  static func < (left: ShardName, right: ShardName) -> Bool { left.index < right.index }

  /// The shards in a folder, which must be numbered from 0 without a gap.
  static func all(in folder: URL) throws(TraceError) -> [ShardName] {
    let names: [String]
    do {
      names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    } catch {
      throw TraceError(path: folder.path, problem: .unreadable(error.localizedDescription))
    }
    let shards = names.compactMap { ShardName($0) }.sorted()
    for (place, shard) in shards.enumerated() where shard.index != place {
      let missing = ShardName(index: place).description
      throw TraceError(path: folder.path, problem: .missingShard(missing))
    }
    return shards
  }
}
