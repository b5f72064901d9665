/// The values of one column in one row group.
///
/// List columns are flat: the list of row `r` is `values[offsets[r]..<offsets[r + 1]]`, so there is
/// one offset more than there are rows.
package enum ParquetValues: Equatable, Sendable {
  case int32([Int32])
  case int64([Int64])
  case float32([Float])
  case bool([Bool])
  case int32List([Int32], offsets: [Int32])
  case float32List([Float], offsets: [Int32])

  /// The type of column that these values fit.
  package var kind: ParquetColumn.Kind {
    switch self {
    case .int32: .int32
    case .int64: .int64
    case .float32: .float32
    case .bool: .bool
    case .int32List: .int32List
    case .float32List: .float32List
    }
  }

  /// Number of rows.
  package var rowCount: Int {
    switch self {
    case .int32(let values): values.count
    case .int64(let values): values.count
    case .float32(let values): values.count
    case .bool(let values): values.count
    case .int32List(_, let offsets), .float32List(_, let offsets): offsets.count - 1
    }
  }
}
