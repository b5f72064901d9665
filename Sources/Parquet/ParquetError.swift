/// A Parquet file that cannot be written or read.
package struct ParquetError: Error, Equatable, Sendable, CustomStringConvertible {
  /// libparquet's reason, or the expectation that the file does not meet.
  package let reason: String

  package var description: String { reason }
}
