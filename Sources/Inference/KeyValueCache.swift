internal import CKernels
internal import Kernels
internal import Transformer

/// How a cached key or value is stored.
package enum CachePrecision: String, Codable, CaseIterable, Sendable {
  case fp32
  case fp16

  /// Bytes of one number.
  var width: Int { self == .fp32 ? 4 : 2 }
}

/// Keys and values of every block, sequence and head, at their full length from the start. Pages
/// that no position reached take no memory.
///
/// Layout of a head: CKernels/include/inference_kernels.h.
final class KeyValueCache {
  /// Positions of a sequence, a multiple of 32.
  let capacity: Int
  private let precision: CachePrecision
  private let heads: Int
  private let headDimension: Int
  private let sequences: Int
  private let table: inference_kernels_table
  private let storage: AlignedBuffer<UInt8>
  /// Bytes of one head's keys, and of its values.
  private let keyBytes: Int
  private let valueBytes: Int

  init(
    _ configuration: ModelConfiguration, sequences: Int, maximumLength: Int,
    precision: CachePrecision, instructionSet: InstructionSet
  ) {
    capacity = Self.capacity(maximumLength)
    self.precision = precision
    self.sequences = sequences
    heads = configuration.numKeyValueHeads
    headDimension = configuration.headDim
    (keyBytes, valueBytes) = Self.headBytes(configuration, capacity: capacity, precision)
    storage = AlignedBuffer(
      count: Self.byteCount(
        configuration, sequences: sequences, maximumLength: maximumLength, precision: precision))
    table = inferenceLoops(instructionSet)
  }

  static func byteCount(
    _ configuration: ModelConfiguration, sequences: Int, maximumLength: Int,
    precision: CachePrecision
  ) -> Int {
    let head = headBytes(configuration, capacity: capacity(maximumLength), precision)
    return configuration.numHiddenLayers * sequences * configuration.numKeyValueHeads
      * (head.keys + head.values)
  }

  /// Stores one position's keys and values of one block, `[heads * D]` each.
  func append(
    keys: UnsafePointer<Float>, values: UnsafePointer<Float>, block: Int, sequence: Int,
    position: Int
  ) {
    let append = precision == .fp32 ? table.append_fp32 : table.append_fp16
    for head in 0..<heads {
      let cells = address(block: block, sequence: sequence, head: head)
      let offset = head * headDimension
      append?(keys + offset, values + offset, position, headDimension, cells, cells + keyBytes)
    }
  }

  /// Lets up to six query rows attend to a sequence's cache.
  ///
  /// - Parameter scratch: `Self.scratchBytes(capacity)`, aligned to 64 bytes.
  func attend(
    _ rows: inout cache_attention_rows, block: Int, sequence: Int, head: Int,
    scratch: UnsafeMutableRawPointer
  ) {
    let attend = precision == .fp32 ? table.attend_fp32 : table.attend_fp16
    let cells = address(block: block, sequence: sequence, head: head)
    let floats = scratch.bindMemory(to: Float.self, capacity: CACHE_QUERY_ROWS * capacity)
    attend?(&rows, cells, cells + keyBytes, floats, capacity)
  }

  /// Bytes of a worker's scratch for `attend`.
  var scratchBytes: Int { CACHE_QUERY_ROWS * capacity * MemoryLayout<Float>.stride }

  private func address(block: Int, sequence: Int, head: Int) -> UnsafeMutableRawPointer {
    let index = (block * sequences + sequence) * heads + head
    return UnsafeMutableRawPointer(storage.pointer) + index * (keyBytes + valueBytes)
  }

  private static func capacity(_ maximumLength: Int) -> Int {
    (maximumLength + CACHE_BLOCK - 1) / CACHE_BLOCK * CACHE_BLOCK
  }

  private static func headBytes(
    _ configuration: ModelConfiguration, capacity: Int, _ precision: CachePrecision
  ) -> (keys: Int, values: Int) {
    let padded = (configuration.headDim + 15) / 16 * 16
    return (
      capacity * configuration.headDim * precision.width, capacity * padded * precision.width
    )
  }
}

/// The loops of one instruction set.
func inferenceLoops(_ instructionSet: InstructionSet) -> inference_kernels_table {
  switch instructionSet {
  case .scalar: inference_kernels(0).pointee
  case .avx2: inference_kernels(1).pointee
  case .avx512: inference_kernels(2).pointee
  }
}
