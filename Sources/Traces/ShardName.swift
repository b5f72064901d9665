import Foundation

/// The name of a shard: a prefix and a number, such as `kd_shard_000.parquet`.
struct ShardName: Equatable, Comparable, CustomStringConvertible {
  /// What the shards of a folder hold, by what their names begin with.
  enum Kind: String {
    case trace = "kd_shard_"
    case capture = "capture_shard_"
  }

  let kind: Kind
  let index: Int

  init(_ kind: Kind = .trace, index: Int) {
    self.kind = kind
    self.index = index
  }

  /// Nil when `name` is not the name of such a shard.
  init?(_ name: String, kind: Kind) {
    guard name.hasPrefix(kind.rawValue), name.hasSuffix(".parquet"),
      let index = Int(name.dropFirst(kind.rawValue.count).dropLast(8)), index >= 0
    else { return nil }
    self.init(kind, index: index)
    guard description == name else { return nil }
  }

  var description: String {
    let digits = String(index)
    return kind.rawValue + String(repeating: "0", count: max(0, 3 - digits.count)) + digits
      + ".parquet"
  }

  static func < (left: ShardName, right: ShardName) -> Bool { left.index < right.index }

  /// The shards in a folder, in the order of their numbers.
  static func found(in folder: URL, kind: Kind) throws(TraceError) -> [ShardName] {
    do {
      return try FileManager.default.contentsOfDirectory(atPath: folder.path)
        .compactMap { ShardName($0, kind: kind) }.sorted()
    } catch {
      throw TraceError(path: folder.path, problem: .unreadable(error.localizedDescription))
    }
  }

  /// The shards of a trace, which must be numbered from 0 without a gap.
  static func all(in folder: URL) throws(TraceError) -> [ShardName] {
    let shards = try found(in: folder, kind: .trace)
    for (place, shard) in shards.enumerated() where shard.index != place {
      let missing = ShardName(index: place).description
      throw TraceError(path: folder.path, problem: .missingShard(missing))
    }
    return shards
  }
}
