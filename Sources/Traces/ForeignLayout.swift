import Checkpoints
package import Foundation
import Parquet

/// How other programs lay out what a teacher said.
package enum ForeignLayout: String, Codable, CaseIterable, Sendable {
  /// A row a position: `position`, `topk_tokens` (ids), `topk_logprobs`, `other_logprob`. A sequence
  /// begins where `position` does not grow. There is no column for the text's own token: the answers
  /// are greedy, so it is the first candidate.
  case published
  /// A row a sequence, as DistillKit writes: `input_ids`, `compressed_logprobs`,
  /// `bytepacked_indices`, beside a `compression_config.yaml`. List `i` predicts token `i + 1`.
  case distillKit = "distillkit"
  /// A row a sequence, as Axolotl prepares: `input_ids`, `labels`, `target_token_ids`,
  /// `target_logprobs`, `target_mask`. List `i` is what predicted token `i`.
  case axolotl

  /// The columns that are read.
  var columns: [ParquetColumn] {
    switch self {
    case .published:
      [
        ParquetColumn("position", .int32), ParquetColumn("topk_tokens", .int32List),
        ParquetColumn("topk_logprobs", .float32List), ParquetColumn("other_logprob", .float32),
      ]
    case .distillKit:
      [
        ParquetColumn("input_ids", .int32List), ParquetColumn("compressed_logprobs", .int32Lists),
        ParquetColumn("bytepacked_indices", .int32Lists),
      ]
    case .axolotl:
      [
        ParquetColumn("input_ids", .int32List), ParquetColumn("labels", .int32List),
        ParquetColumn("target_token_ids", .int32Lists),
        ParquetColumn("target_logprobs", .float32Lists),
        ParquetColumn("target_mask", .int32Lists),
      ]
    }
  }

  /// The layout whose columns the first Parquet file of `folder` has; nil when it is none of them.
  package static func found(in folder: URL) throws(TraceError) -> ForeignLayout? {
    guard let first = try ForeignTraces.parquetFiles(in: folder).first else { return nil }
    let file: MappedFile
    do throws(FileError) {
      file = try MappedFile(path: first.path)
    } catch {
      throw TraceError(path: first.path, problem: .unreadable(error.description))
    }
    return allCases.first { layout in
      layout.columns.allSatisfy { ParquetReader.hasColumn($0.name, in: file.bytes) }
    }
  }
}

/// What DistillKit's `compression_config.yaml` says, as far as it can be read here: every value of a
/// row stored for itself.
struct DistillKitCompression: Equatable {
  enum ValueType: String {
    case float16, bfloat16, float32

    var bytes: Int { self == .float32 ? 4 : 2 }
  }

  let vocabularySize: Int
  let candidates: Int
  let valueType: ValueType
  /// Whether each value but the first is the difference from the one before.
  let isDelta: Bool

  /// Bits of an index.
  var indexBits: Int {
    var bits = 0
    while 1 << bits < vocabularySize { bits += 1 }
    return max(1, bits)
  }

  /// - Throws: what is missing, or which kind of compression is not built.
  init(yaml: String) throws(TraceError.Problem) {
    var values: [String: String] = [:]
    var lastKey = ""
    for line in yaml.split(whereSeparator: \.isNewline) where !line.hasPrefix("#") {
      if line.hasPrefix(" ") || line.hasPrefix("-") {
        // An entry of a list or an object, which only what is not built has.
        values[lastKey, default: ""] += String(line)
        continue
      }
      let parts = line.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
      guard parts.count == 2 else { continue }
      lastKey = String(parts[0])
      values[lastKey] = parts[1].trimmingCharacters(in: .whitespaces)
    }
    func integer(_ key: String) throws(TraceError.Problem) -> Int {
      guard let value = values[key].flatMap({ Int($0) }), value > 0 else {
        throw .malformedMetadata("compression_config.yaml has no number \(key)")
      }
      return value
    }
    vocabularySize = try integer("d")
    candidates = try integer("k")
    guard try integer("exact_k") == candidates else {
      throw .malformedMetadata(
        "compression_config.yaml has exact_k below k: values that are fitted or quantized"
          + " (polynomial_terms, residual_bins) are not supported")
    }
    let type = values["exact_dtype"] ?? "float32"
    guard let valueType = ValueType(rawValue: type) else {
      throw .malformedMetadata("exact_dtype is \(type), expected float16, bfloat16 or float32")
    }
    self.valueType = valueType
    isDelta = (values["delta_encoding"] ?? "true") == "true"
  }

  /// The values of one position.
  func logprobs(_ bytes: ArraySlice<Int32>) throws(TraceError.Problem) -> [Double] {
    guard bytes.count >= candidates * valueType.bytes else {
      throw .badGroup(0, "has \(bytes.count) bytes of values for \(candidates) candidates")
    }
    var before = 0.0
    return (0..<candidates).map { index in
      let first = bytes.startIndex + index * valueType.bytes
      let bits = (0..<valueType.bytes).reduce(UInt32(0)) {
        $0 | UInt32(truncatingIfNeeded: bytes[first + $1] & 0xFF) << (8 * UInt32($1))
      }
      let value: Double =
        switch valueType {
        case .float16: Double(Float16(bitPattern: UInt16(truncatingIfNeeded: bits)))
        case .bfloat16: Double(Float(bitPattern: bits << 16))
        case .float32: Double(Float(bitPattern: bits))
        }
      before = isDelta && index > 0 ? before + value : value
      return before
    }
  }

  /// The token ids of one position: a stream of bits, the highest of each id first.
  func indices(_ bytes: ArraySlice<Int32>) throws(TraceError.Problem) -> [Int32] {
    let bits = indexBits
    guard bytes.count * 8 >= candidates * bits else {
      throw .badGroup(0, "has \(bytes.count) bytes of indices for \(candidates) candidates")
    }
    return (0..<candidates).map { candidate in
      (0..<bits).reduce(Int32(0)) { value, bit in
        let place = candidate * bits + bit
        return value << 1 | bytes[bytes.startIndex + place / 8] >> Int32(7 - place % 8) & 1
      }
    }
  }
}
