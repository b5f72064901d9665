internal import CKernels
internal import Checkpoints
internal import Kernels

/// A matrix of latent weights that becomes trits in a file.
struct TernaryTensor {
  let name: String
  let rows: Int
  let columns: Int
  /// `[rows, columns]`.
  let values: UnsafePointer<Float>
  let order: HeadOrder

  /// Packs `count` trits into blocks.
  private typealias Packing =
    @convention(c) (
      UnsafePointer<Int8>?, Int, UnsafeMutablePointer<UInt8>?
    ) -> Void

  /// The blocks, and the scale beside them where the type has no room for it.
  func tensors(_ weights: GGUFWeights) throws(FormatError) -> [GGUFWriter.Tensor] {
    let (type, pack) = try storage(weights)
    // Known when the blocks have been written, which is before the scale's turn.
    let scale = ScaleBox()
    let blocks = GGUFWriter.Tensor(
      name: GGUFNames.name(name), shape: [rows, columns], type: type
    ) { file throws(FileError) in
      let ternary = TernaryWeights(rows: rows, columns: columns)
      ternary.quantize(from: values, team: .shared)
      scale.value = ternary.scale
      let trits = AlignedBuffer<Int8>(count: rows * columns)
      ternary.copyTrits(into: trits.pointer)
      let rowBytes = columns / type.blockElements * type.blockBytes
      try writeRows(rows, rowBytes: rowBytes, to: &file) { place, row in
        pack(trits.pointer + order.row(at: place) * columns, columns, row)
      }
      if type == .i2_S {
        try file.write(Self.bytes(of: scale.value) + [UInt8](repeating: 0, count: 28))
      }
    }
    guard type != .i2_S else { return [blocks] }
    return [
      blocks,
      GGUFWriter.Tensor(name: GGUFNames.scaleName(name), shape: [1], type: .float32) {
        file throws(FileError) in try file.write(Self.bytes(of: scale.value))
      },
    ]
  }

  private func storage(
    _ weights: GGUFWeights
  ) throws(FormatError) -> (type: GGUFTensorType, pack: Packing) {
    let form: (type: GGUFTensorType, pack: Packing)
    switch weights {
    case .tq2_0 where columns % 256 == 0: form = (.tq2_0, gguf_pack_tq2_0)
    case .tq1_0 where columns % 256 == 0: form = (.tq1_0, gguf_pack_tq1_0)
    case .i2_s: form = (.i2_S, gguf_pack_i2_s)
    default: form = (.q4_0, gguf_pack_q4_0)
    }
    guard columns % form.type.blockElements == 0 else {
      throw .notRepresentable(
        format: "GGUF",
        feature: "rows of \(columns) trits (\(name)) as \(form.type.name): no multiple of"
          + " \(form.type.blockElements)")
    }
    return form
  }

  private static func bytes(of number: Float) -> [UInt8] {
    withUnsafeBytes(of: number.bitPattern.littleEndian, Array.init)
  }
}

/// A number that one closure finds and the next one writes.
private final class ScaleBox {
  var value: Float = 0
}

/// A tensor of floats in a file.
struct DenseTensor {
  let name: String
  let shape: [Int]
  /// The product of `shape`.
  let values: UnsafePointer<Float>
  let order: HeadOrder

  func tensor(_ format: GGUFWeights) throws(FormatError) -> GGUFWriter.Tensor {
    let columns = shape.count == 2 ? shape[1] : 1
    let type: GGUFTensorType =
      switch format {
      case .f16: .float16
      case .bf16: .bfloat16
      case .q8_0: .q8_0
      case .f32, .tq2_0, .tq1_0, .i2_s: .float32
      }
    guard columns % type.blockElements == 0 else {
      throw .notRepresentable(
        format: "GGUF",
        feature: "rows of \(columns) numbers (\(name)) as \(type.name): no multiple of"
          + " \(type.blockElements)")
    }
    return GGUFWriter.Tensor(name: GGUFNames.name(name), shape: shape, type: type) {
      file throws(FileError) in
      let rowBytes = columns / type.blockElements * type.blockBytes
      try writeRows(shape[0], rowBytes: rowBytes, to: &file) { place, row in
        let source = values + order.row(at: place) * columns
        let halves = UnsafeMutableRawPointer(row).assumingMemoryBound(to: UInt16.self)
        switch type {
        case .float16: floats_to_fp16(source, columns, halves)
        case .bfloat16: floats_to_bf16(source, columns, halves)
        case .q8_0: gguf_pack_q8_0(source, columns, row)
        default: UnsafeMutableRawPointer(row).copyMemory(from: source, byteCount: rowBytes)
        }
      }
    }
  }
}

/// Lets `fill` make row after row, and appends them in pieces of about a megabyte.
private func writeRows(
  _ rows: Int, rowBytes: Int, to file: inout DurableFile,
  _ fill: (Int, UnsafeMutablePointer<UInt8>) -> Void
) throws(FileError) {
  let pieceRows = max(1, min(rows, (1 << 20) / rowBytes))
  let piece = AlignedBuffer<UInt8>(count: pieceRows * rowBytes)
  for first in stride(from: 0, to: rows, by: pieceRows) {
    let count = min(pieceRows, rows - first)
    for index in 0..<count { fill(first + index, piece.pointer + index * rowBytes) }
    try file.write(UnsafeRawBufferPointer(start: piece.pointer, count: count * rowBytes))
  }
}
