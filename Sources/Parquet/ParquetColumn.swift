import ArrowParquet

/// One column of a Parquet file: its name, its type and how it is stored. Nothing is ever null.
package struct ParquetColumn: Equatable, Sendable {
  /// What a row holds in the column.
  package enum Kind: Equatable, Sendable {
    case int32
    case int64
    case float32
    case bool
    case int32List
    case float32List
    case text
    case bytesList
    /// For reading only, as the next.
    case int32Lists
    case float32Lists
  }

  /// How values are arranged before they are compressed with zstd.
  package enum Encoding: Equatable, Sendable {
    case plain
    /// Differences in few bits, for integers that grow evenly (DELTA_BINARY_PACKED).
    case delta
    /// First bytes, then second bytes, …, for numbers whose high bytes repeat (BYTE_STREAM_SPLIT).
    case streamSplit
  }

  /// How zstd looks for what repeats, at level 1: higher ones look everywhere by themselves.
  package enum Matching: Equatable, Sendable {
    case byLevel
    /// Short pieces too, in the whole chunk: where few bytes often follow each other.
    case short
    /// Hardly at all: where bytes are more or less frequent and do not follow each other.
    case rare
  }

  /// Its name in the file.
  package let name: String
  /// Its type.
  package let kind: Kind
  /// Its arrangement; of no meaning for reading.
  package var encoding: Encoding
  /// zstd's level, 1 to 22; of no meaning for reading.
  package var zstdLevel: Int
  /// Of no meaning for reading.
  package var matching: Matching

  /// A column `name` of type `kind`.
  package init(
    _ name: String, _ kind: Kind, encoding: Encoding = .plain, zstdLevel: Int = 1,
    matching: Matching = .byLevel
  ) {
    self.name = name
    self.kind = kind
    self.encoding = encoding
    self.zstdLevel = zstdLevel
    self.matching = matching
  }

  /// Calls `body` with the columns as the C side wants them.
  static func withC<Value>(
    _ columns: [ParquetColumn], _ body: ([arrow_parquet_column]) -> Value
  ) -> Value {
    var names = columns.map { Array($0.name.utf8CString) }[...]
    func collect(_ result: [arrow_parquet_column]) -> Value {
      guard let name = names.popFirst() else { return body(result) }
      let column = columns[result.count]
      return name.withUnsafeBufferPointer { buffer in
        collect(
          result + [
            arrow_parquet_column(
              name: buffer.baseAddress, type: column.kind.valueCode,
              list_depth: column.kind.listDepth,
              encoding: column.encoding.code, zstd_level: Int32(column.zstdLevel),
              matching: column.matching.code)
          ])
      }
    }
    return collect([])
  }
}

extension ParquetColumn.Kind {
  fileprivate var valueCode: Int32 {
    switch self {
    case .int32, .int32List, .int32Lists: Int32(ARROW_PARQUET_INT32)
    case .int64: Int32(ARROW_PARQUET_INT64)
    case .float32, .float32List, .float32Lists: Int32(ARROW_PARQUET_FLOAT32)
    case .bool: Int32(ARROW_PARQUET_BOOL)
    case .text: Int32(ARROW_PARQUET_TEXT)
    case .bytesList: Int32(ARROW_PARQUET_BYTES)
    }
  }

  fileprivate var listDepth: Int32 {
    switch self {
    case .int32, .int64, .float32, .bool, .text: 0
    case .int32List, .float32List, .bytesList: 1
    case .int32Lists, .float32Lists: 2
    }
  }
}

extension ParquetColumn.Encoding {
  fileprivate var code: Int32 {
    switch self {
    case .plain: Int32(ARROW_PARQUET_PLAIN)
    case .delta: Int32(ARROW_PARQUET_DELTA)
    case .streamSplit: Int32(ARROW_PARQUET_STREAM_SPLIT)
    }
  }
}

extension ParquetColumn.Matching {
  fileprivate var code: Int32 {
    switch self {
    case .byLevel: Int32(ARROW_PARQUET_MATCH_BY_LEVEL)
    case .short: Int32(ARROW_PARQUET_MATCH_SHORT)
    case .rare: Int32(ARROW_PARQUET_MATCH_RARE)
    }
  }
}
