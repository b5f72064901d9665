/// The values of one column in one row group.
///
/// List columns are flat: the list of row `r` is `values[offsets[r]..<offsets[r + 1]]`, so there is
/// one offset more than there are rows. Texts and inner lists are flat in the same way, by `ends`
/// that begin with 0: value `i` is `values[ends[i]..<ends[i + 1]]`.
package enum ParquetValues: Equatable, Sendable {
  case int32([Int32])
  case int64([Int64])
  case float32([Float])
  case bool([Bool])
  case int32List([Int32], offsets: [Int32])
  case float32List([Float], offsets: [Int32])
  case text([UInt8], ends: [Int32])
  case bytesList([UInt8], ends: [Int32], offsets: [Int32])
  case int32Lists([Int32], ends: [Int32], offsets: [Int32])
  case float32Lists([Float], ends: [Int32], offsets: [Int32])

  /// Texts, one a row.
  package static func texts(_ texts: [String]) -> ParquetValues {
    var bytes: [UInt8] = []
    var ends: [Int32] = [0]
    for text in texts {
      bytes.append(contentsOf: text.utf8)
      ends.append(Int32(bytes.count))
    }
    return .text(bytes, ends: ends)
  }

  /// The type of column that these values fit.
  package var kind: ParquetColumn.Kind {
    switch self {
    case .int32: .int32
    case .int64: .int64
    case .float32: .float32
    case .bool: .bool
    case .int32List: .int32List
    case .float32List: .float32List
    case .text: .text
    case .bytesList: .bytesList
    case .int32Lists: .int32Lists
    case .float32Lists: .float32Lists
    }
  }

  /// Number of rows.
  package var rowCount: Int {
    switch self {
    case .int32(let values): values.count
    case .int64(let values): values.count
    case .float32(let values): values.count
    case .bool(let values): values.count
    case .int32List(_, let offsets), .float32List(_, let offsets),
      .bytesList(_, _, let offsets), .int32Lists(_, _, let offsets),
      .float32Lists(_, _, let offsets):
      offsets.count - 1
    case .text(_, let ends): ends.count - 1
    }
  }
}
