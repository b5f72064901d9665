import ArrowParquet
import Foundation

/// Writes one Parquet file, a row group at a time, into a function that stores its bytes.
///
/// Pages carry checksums and are compressed with zstd.
package final class ParquetWriter {
  private let handle: OpaquePointer
  private let columns: [ParquetColumn]
  private let sink: Sink

  /// Keeps the function that stores bytes, and the error that it threw, which C++ cannot carry.
  private final class Sink {
    let store: (UnsafeRawBufferPointer) throws -> Void
    var failure: (any Error)?

    init(store: @escaping (UnsafeRawBufferPointer) throws -> Void) { self.store = store }
  }

  /// Starts a file.
  ///
  /// - Parameter store: called with the file's bytes in order. What it throws is what the methods
  ///   here throw.
  package init(
    columns: [ParquetColumn], store: @escaping (UnsafeRawBufferPointer) throws -> Void
  ) throws {
    let sink = Sink(store: store)
    var opened: OpaquePointer?
    try Self.checking(sink) { error in
      ParquetColumn.withC(columns) { columns in
        arrow_parquet_writer_open(
          columns, Int32(columns.count),
          { context, bytes, count in
            guard let context else { return 1 }
            let sink = Unmanaged<Sink>.fromOpaque(context).takeUnretainedValue()
            guard sink.failure == nil else { return 1 }
            do {
              try sink.store(UnsafeRawBufferPointer(start: bytes, count: Int(count)))
              return 0
            } catch {
              sink.failure = error
              return 1
            }
          }, Unmanaged.passUnretained(sink).toOpaque(), &opened, error)
      }
    }
    guard let opened else { throw ParquetError(reason: "libparquet gave no writer") }
    handle = opened
    self.columns = columns
    self.sink = sink
  }

  deinit {
    // An unfinished file is thrown away by its owner; its footer must not reach the sink.
    if sink.failure == nil { sink.failure = CancellationError() }
    arrow_parquet_writer_free(handle)
    withExtendedLifetime(sink) {}
  }

  /// Writes one row group, compressed before this returns.
  ///
  /// - Parameter values: one entry per column, of its kind, all with the same number of rows.
  package func write(_ values: [ParquetValues]) throws {
    precondition(values.map(\.kind) == columns.map(\.kind), "values must fit the columns")
    let rowCount = values.first?.rowCount ?? 0
    precondition(values.allSatisfy { $0.rowCount == rowCount }, "columns must be equally long")
    try Self.withC(values[...], []) { pointers in
      try Self.checking(sink) { error in
        arrow_parquet_writer_write(handle, pointers, Int64(rowCount), error)
      }
    }
  }

  /// Writes the footer; the writer can then only be released.
  package func finish(metadata: [String: String]) throws {
    let pairs = metadata.sorted { $0.key < $1.key }.map { (strdup($0.key), strdup($0.value)) }
    defer {
      for (key, value) in pairs {
        free(key)
        free(value)
      }
    }
    let entries = pairs.map { arrow_parquet_pair(key: $0.0, value: $0.1) }
    try Self.checking(sink) { error in
      arrow_parquet_writer_close(handle, entries, Int32(entries.count), error)
    }
  }

  private static func checking(
    _ sink: Sink, _ call: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Int32
  ) throws {
    do throws(ParquetError) {
      try checkingParquet(call)
    } catch {
      throw sink.failure ?? error
    }
  }

  private static func withC(
    _ rest: ArraySlice<ParquetValues>, _ done: [arrow_parquet_values],
    _ body: ([arrow_parquet_values]) throws -> Void
  ) throws {
    guard let first = rest.first else { return try body(done) }
    func next(
      _ values: UnsafeRawPointer?, _ offsets: UnsafePointer<Int32>? = nil,
      inner: UnsafePointer<Int32>? = nil
    ) throws {
      let entry = arrow_parquet_values(values: values, offsets: offsets, inner_offsets: inner)
      try withC(rest.dropFirst(), done + [entry], body)
    }
    switch first {
    case .int32(let values): try values.withUnsafeBytes { try next($0.baseAddress) }
    case .int64(let values): try values.withUnsafeBytes { try next($0.baseAddress) }
    case .float32(let values): try values.withUnsafeBytes { try next($0.baseAddress) }
    case .bool(let values): try values.withUnsafeBytes { try next($0.baseAddress) }
    case .int32List(let values, let offsets):
      try values.withUnsafeBytes { bytes in
        try offsets.withUnsafeBufferPointer { try next(bytes.baseAddress, $0.baseAddress) }
      }
    case .float32List(let values, let offsets):
      try values.withUnsafeBytes { bytes in
        try offsets.withUnsafeBufferPointer { try next(bytes.baseAddress, $0.baseAddress) }
      }
    case .text(let values, let ends):
      try values.withUnsafeBytes { bytes in
        try ends.withUnsafeBufferPointer { try next(bytes.baseAddress, inner: $0.baseAddress) }
      }
    case .bytesList(let values, let ends, let offsets):
      try values.withUnsafeBytes { bytes in
        try ends.withUnsafeBufferPointer { ends in
          try offsets.withUnsafeBufferPointer {
            try next(bytes.baseAddress, $0.baseAddress, inner: ends.baseAddress)
          }
        }
      }
    case .int32Lists, .float32Lists: preconditionFailure("lists of lists are only read")
    }
  }
}

/// Turns the C side's error text into an error.
func checkingParquet(
  _ call: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Int32
) throws(ParquetError) {
  var text: UnsafeMutablePointer<CChar>?
  guard call(&text) != 0 else { return }
  defer { arrow_parquet_free_text(text) }
  throw ParquetError(reason: text.map { String(cString: $0) } ?? "out of memory")
}
