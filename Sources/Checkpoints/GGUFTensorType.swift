/// How a tensor of a GGUF file stores its elements; the raw value is its number in the file.
///
/// A row is cut into blocks of `blockElements`, each of which takes `blockBytes`.
///
/// Source: ggml's `ggml.h` (the numbers) and `ggml-common.h` (the blocks).
package enum GGUFTensorType: UInt32, CaseIterable, Sendable {
  case float32 = 0
  case float16 = 1
  case q4_0 = 2
  case q4_1 = 3
  case q5_0 = 6
  case q5_1 = 7
  case q8_0 = 8
  case q8_1 = 9
  case q2_K = 10
  case q3_K = 11
  case q4_K = 12
  case q5_K = 13
  case q6_K = 14
  case q8_K = 15
  case iq2_XXS = 16
  case iq2_XS = 17
  case iq3_XXS = 18
  case iq1_S = 19
  case iq4_NL = 20
  case iq3_S = 21
  case iq2_S = 22
  case iq4_XS = 23
  case int8 = 24
  case int16 = 25
  case int32 = 26
  case int64 = 27
  case float64 = 28
  case iq1_M = 29
  case bfloat16 = 30
  /// Trits at 1.69 bits, with an fp16 scale a block.
  case tq1_0 = 34
  /// Trits at 2.06 bits, with an fp16 scale a block.
  case tq2_0 = 35
  /// Trits at 2 bits with one fp32 scale behind the whole tensor: bitnet.cpp's, not ggml's own.
  case i2_S = 36
  case mxfp4 = 39

  /// As llama.cpp writes it.
  package var name: String {
    switch self {
    case .float32: "F32"
    case .float16: "F16"
    case .bfloat16: "BF16"
    case .float64: "F64"
    case .int8: "I8"
    case .int16: "I16"
    case .int32: "I32"
    case .int64: "I64"
    default: "\(self)".uppercased()
    }
  }

  /// Elements of one block; a row's length is a multiple of it.
  package var blockElements: Int {
    switch self {
    case .float32, .float16, .bfloat16, .float64, .int8, .int16, .int32, .int64: 1
    case .q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .q8_1, .iq4_NL, .mxfp4: 32
    case .i2_S: 128
    case .q2_K, .q3_K, .q4_K, .q5_K, .q6_K, .q8_K, .iq2_XXS, .iq2_XS, .iq3_XXS, .iq1_S, .iq3_S,
      .iq2_S, .iq4_XS, .iq1_M, .tq1_0, .tq2_0:
      256
    }
  }

  /// Bytes of one block.
  package var blockBytes: Int {
    switch self {
    case .int8: 1
    case .float16, .bfloat16, .int16: 2
    case .float32, .int32: 4
    case .float64, .int64: 8
    case .q4_0, .iq4_NL: 18
    case .mxfp4: 17
    case .q4_1: 20
    case .q5_0: 22
    case .q5_1: 24
    case .q8_0: 34
    case .q8_1: 36
    case .i2_S: 32
    case .q2_K: 84
    case .q3_K, .iq3_S: 110
    case .q4_K: 144
    case .q5_K: 176
    case .q6_K: 210
    case .q8_K: 292
    case .iq2_XXS: 66
    case .iq2_XS: 74
    case .iq3_XXS: 98
    case .iq1_S: 50
    case .iq2_S: 82
    case .iq4_XS: 136
    case .iq1_M: 56
    case .tq1_0: 54
    case .tq2_0: 66
    }
  }

  /// Bytes behind the last block: I2_S keeps its scale there, in 32 bytes.
  package var trailerBytes: Int { self == .i2_S ? 32 : 0 }

  /// Bytes of a tensor.
  ///
  /// - Parameter shape: row-major, its last extent a row's length.
  /// - Returns: nil when a row is no whole number of blocks, or the size overflows 63 bits.
  package func byteCount(shape: [Int]) -> Int? {
    guard (shape.last ?? 1) % blockElements == 0 else { return nil }
    var elements = 1
    for extent in shape {
      let (product, overflow) = elements.multipliedReportingOverflow(by: extent)
      guard extent >= 0, !overflow else { return nil }
      elements = product
    }
    let (bytes, overflow) = (elements / blockElements).multipliedReportingOverflow(by: blockBytes)
    let (total, carry) = bytes.addingReportingOverflow(trailerBytes)
    return overflow || carry ? nil : total
  }
}
