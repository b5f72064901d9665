import ArrowParquet

/// A Parquet file in memory, usually mapped.
///
/// One thread at a time may use it: share it by a mutex that owns it.
package struct ParquetReader: ~Copyable {
  private let handle: OpaquePointer
  private let columns: [ParquetColumn]
  // Keeps the bytes where the handle expects them.
  private let owner: any AnyObject & Sendable

  /// Opens a file and checks that it has `columns`; further columns are not looked at.
  ///
  /// - Parameters:
  ///   - bytes: the whole file.
  ///   - owner: keeps `bytes` alive and unchanged.
  /// - Throws: when the file is damaged, truncated, of another format, or lacks a column.
  package init(
    _ bytes: UnsafeRawBufferPointer, owner: any AnyObject & Sendable, columns: [ParquetColumn]
  ) throws(ParquetError) {
    guard bytes.count > 0 else { throw ParquetError(reason: "is empty, expected a Parquet file") }
    var opened: OpaquePointer?
    try checkingParquet { error in
      ParquetColumn.withC(columns) { columns in
        arrow_parquet_reader_open(
          bytes.baseAddress, Int64(bytes.count), columns, Int32(columns.count), &opened, error)
      }
    }
    guard let opened else { throw ParquetError(reason: "libparquet gave no reader") }
    handle = opened
    self.columns = columns
    self.owner = owner
  }

  deinit { arrow_parquet_reader_free(handle) }

  /// Rows of each row group.
  package var groupRowCounts: [Int] {
    (0..<arrow_parquet_reader_group_count(handle)).map {
      Int(arrow_parquet_reader_group_rows(handle, $0))
    }
  }

  /// The value of a key in the file's metadata.
  package func metadata(_ key: String) -> String? {
    arrow_parquet_reader_metadata(handle, key).map { String(cString: $0) }
  }

  /// Reads columns of one row group.
  ///
  /// - Parameters:
  ///   - group: an index into `groupRowCounts`.
  ///   - indices: which of `columns`; nil for all.
  /// - Returns: their values in the order of `indices`.
  /// - Throws: when a page is damaged or a value is null.
  package func read(
    group: Int, columns indices: [Int]? = nil
  ) throws(ParquetError) -> [ParquetValues] {
    var values: [ParquetValues] = []
    for index in indices ?? Array(columns.indices) {
      let capacity = arrow_parquet_reader_capacity(handle, Int32(group), Int32(index))
      values.append(
        capacity < 0
          ? try converted(group: group, column: index)
          : try direct(group: group, column: index, capacity: Int(capacity)))
    }
    return values
  }

  /// Reads a column that the file has in another form than ours.
  private func converted(group: Int, column: Int) throws(ParquetError) -> ParquetValues {
    let rowCount = Int(arrow_parquet_reader_group_rows(handle, Int32(group)))
    var read: OpaquePointer?
    try checkingParquet { error in
      arrow_parquet_reader_read(handle, Int32(group), Int32(column), &read, error)
    }
    guard let read else { throw ParquetError(reason: "libparquet gave no rows") }
    defer { arrow_parquet_chunk_free(read) }
    let values = arrow_parquet_chunk_values(read)
    return Self.copy(values, kind: columns[column].kind, rowCount: rowCount)
  }

  /// Reads a column straight into our arrays.
  private func direct(
    group: Int, column: Int, capacity: Int
  ) throws(ParquetError) -> ParquetValues {
    switch columns[column].kind {
    case .int32: .int32(try flat(group, column, capacity))
    case .int64: .int64(try flat(group, column, capacity))
    case .float32: .float32(try flat(group, column, capacity))
    case .bool: .bool(try flat(group, column, capacity))
    case .int32List: try list(group, column, capacity) { .int32List($0, offsets: $1) }
    case .float32List: try list(group, column, capacity) { .float32List($0, offsets: $1) }
    case .text, .bytesList, .int32Lists, .float32Lists:
      preconditionFailure("libparquet's memory holds what these values are made of")
    }
  }

  private func flat<Element: BitwiseCopyable>(
    _ group: Int, _ column: Int, _ capacity: Int, offsets: UnsafeMutablePointer<Int32>? = nil
  ) throws(ParquetError) -> [Element] {
    var failure: ParquetError?
    let values = [Element](unsafeUninitializedCapacity: capacity) { buffer, count in
      do throws(ParquetError) {
        var found: Int64 = 0
        try checkingParquet { error in
          arrow_parquet_reader_read_into(
            handle, Int32(group), Int32(column), Int64(capacity), buffer.baseAddress, offsets,
            &found, error)
        }
        count = Int(found)
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return values
  }

  private func list<Element: BitwiseCopyable>(
    _ group: Int, _ column: Int, _ capacity: Int, _ make: ([Element], [Int32]) -> ParquetValues
  ) throws(ParquetError) -> ParquetValues {
    var result: Result<[Element], ParquetError> = .success([])
    let rowCount = Int(arrow_parquet_reader_group_rows(handle, Int32(group)))
    let offsets = [Int32](unsafeUninitializedCapacity: rowCount + 1) { buffer, count in
      do throws(ParquetError) {
        result = .success(try flat(group, column, capacity, offsets: buffer.baseAddress))
        count = rowCount + 1
      } catch {
        result = .failure(error)
      }
    }
    return make(try result.get(), offsets)
  }

  private static func copy(
    _ values: arrow_parquet_values, kind: ParquetColumn.Kind, rowCount: Int
  ) -> ParquetValues {
    switch kind {
    case .int32: .int32(array(values.values, count: rowCount))
    case .int64: .int64(array(values.values, count: rowCount))
    case .float32: .float32(array(values.values, count: rowCount))
    case .bool: .bool(array(values.values, count: rowCount))
    case .int32List:
      list(values, rowCount: rowCount) { .int32List($0, offsets: $1) }
    case .float32List:
      list(values, rowCount: rowCount) { .float32List($0, offsets: $1) }
    case .text:
      inner(values, count: rowCount) { .text($0, ends: $1) }
    case .bytesList:
      lists(values, rowCount: rowCount) { .bytesList($0, ends: $1, offsets: $2) }
    case .int32Lists:
      lists(values, rowCount: rowCount) { .int32Lists($0, ends: $1, offsets: $2) }
    case .float32Lists:
      lists(values, rowCount: rowCount) { .float32Lists($0, ends: $1, offsets: $2) }
    }
  }

  private static func array<Element: BitwiseCopyable>(
    _ start: UnsafeRawPointer?, count: Int
  ) -> [Element] {
    guard let start, count > 0 else { return [] }
    return Array(
      UnsafeBufferPointer(start: start.assumingMemoryBound(to: Element.self), count: count))
  }

  private static func list<Element: BitwiseCopyable>(
    _ values: arrow_parquet_values, rowCount: Int, _ make: ([Element], [Int32]) -> ParquetValues
  ) -> ParquetValues {
    let offsets: [Int32] = array(values.offsets, count: rowCount + 1)
    guard let last = offsets.last else { return make([], [0]) }
    return make(array(values.values, count: Int(last)), offsets)
  }

  private static func inner<Element: BitwiseCopyable>(
    _ values: arrow_parquet_values, count: Int, _ make: ([Element], [Int32]) -> ParquetValues
  ) -> ParquetValues {
    let ends: [Int32] =
      values.inner_offsets == nil ? [0] : array(values.inner_offsets, count: count + 1)
    return make(array(values.values, count: Int(ends.last ?? 0)), ends.isEmpty ? [0] : ends)
  }

  private static func lists<Element: BitwiseCopyable>(
    _ values: arrow_parquet_values, rowCount: Int,
    _ make: ([Element], [Int32], [Int32]) -> ParquetValues
  ) -> ParquetValues {
    let offsets: [Int32] = array(values.offsets, count: rowCount + 1)
    return inner(values, count: Int(offsets.last ?? 0)) {
      make($0, $1, offsets.isEmpty ? [0] : offsets)
    }
  }
}

extension ParquetReader {
  /// Whether a file in memory is Parquet and has a column of that name.
  package static func hasColumn(_ name: String, in bytes: UnsafeRawBufferPointer) -> Bool {
    bytes.count > 0 && arrow_parquet_has_column(bytes.baseAddress, Int64(bytes.count), name) != 0
  }
}
