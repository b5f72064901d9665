package import Foundation

/// Writes GGUF files, version 3, little endian.
package enum GGUFWriter {
  /// A metadata value as it is written.
  package enum Value: Sendable {
    case uint32(UInt32)
    case float32(Float)
    case bool(Bool)
    case string(String)
    case strings([String])
    case int32s([Int32])
    case float32s([Float])
  }

  /// A tensor to write.
  package struct Tensor {
    package let name: String
    /// Row-major; the file has it the other way round.
    package let shape: [Int]
    package let type: GGUFTensorType
    /// Appends the tensor's bytes, exactly `type.byteCount(shape: shape)`.
    package let write: (inout DurableFile) throws(FileError) -> Void

    /// A tensor whose bytes `write` appends when its turn comes.
    package init(
      name: String, shape: [Int], type: GGUFTensorType,
      write: @escaping (inout DurableFile) throws(FileError) -> Void
    ) {
      self.name = name
      self.shape = shape
      self.type = type
      self.write = write
    }
  }

  /// Writes metadata and tensors in the given order; the file appears whole or not at all.
  ///
  /// Names must be different among the keys and among the tensors, and shapes must fit the types.
  package static func write(
    to url: URL, metadata: [(key: String, value: Value)], tensors: [Tensor]
  ) throws(FileError) {
    let header = header(metadata, tensors)
    try AtomicFile.write(to: url) { file throws(FileError) in
      try file.write(header)
      for tensor in tensors {
        let start = file.byteCount
        try tensor.write(&file)
        precondition(
          file.byteCount - start == byteCount(tensor), "\(tensor.name) wrote too much or too little"
        )
        try file.write([UInt8](repeating: 0, count: padding(behind: file.byteCount)))
      }
    }
  }

  private static func header(
    _ metadata: [(key: String, value: Value)], _ tensors: [Tensor]
  ) -> [UInt8] {
    precondition(Set(metadata.map(\.key)).count == metadata.count, "keys must differ")
    precondition(Set(tensors.map(\.name)).count == tensors.count, "tensor names must differ")
    var bytes = Array("GGUF".utf8)
    append(UInt32(3), to: &bytes)
    append(UInt64(tensors.count), to: &bytes)
    append(UInt64(metadata.count), to: &bytes)
    for (key, value) in metadata {
      append(key, to: &bytes)
      append(value, to: &bytes)
    }
    var offset = 0
    for tensor in tensors {
      append(tensor.name, to: &bytes)
      append(UInt32(tensor.shape.count), to: &bytes)
      for extent in tensor.shape.reversed() { append(UInt64(extent), to: &bytes) }
      append(tensor.type.rawValue, to: &bytes)
      append(UInt64(offset), to: &bytes)
      offset += byteCount(tensor)
      offset += padding(behind: offset)
    }
    return bytes + [UInt8](repeating: 0, count: padding(behind: bytes.count))
  }

  private static func byteCount(_ tensor: Tensor) -> Int {
    guard let bytes = tensor.type.byteCount(shape: tensor.shape) else {
      preconditionFailure("\(tensor.name): \(tensor.shape) does not fit \(tensor.type.name)")
    }
    return bytes
  }

  private static func padding(behind count: Int) -> Int {
    (GGUFHeader.defaultAlignment - count % GGUFHeader.defaultAlignment)
      % GGUFHeader.defaultAlignment
  }

  private static func append(_ value: Value, to bytes: inout [UInt8]) {
    func begin(_ type: GGUFValueType) { append(type.rawValue, to: &bytes) }
    func beginArray(_ type: GGUFValueType, _ count: Int) {
      begin(.array)
      begin(type)
      append(UInt64(count), to: &bytes)
    }
    switch value {
    case .uint32(let number):
      begin(.uint32)
      append(number, to: &bytes)
    case .float32(let number):
      begin(.float32)
      append(number.bitPattern, to: &bytes)
    case .bool(let flag):
      begin(.bool)
      bytes.append(flag ? 1 : 0)
    case .string(let text):
      begin(.string)
      append(text, to: &bytes)
    case .strings(let texts):
      beginArray(.string, texts.count)
      for text in texts { append(text, to: &bytes) }
    case .int32s(let numbers):
      beginArray(.int32, numbers.count)
      for number in numbers { append(number, to: &bytes) }
    case .float32s(let numbers):
      beginArray(.float32, numbers.count)
      for number in numbers { append(number.bitPattern, to: &bytes) }
    }
  }

  private static func append(_ text: String, to bytes: inout [UInt8]) {
    append(UInt64(text.utf8.count), to: &bytes)
    bytes.append(contentsOf: text.utf8)
  }

  private static func append(_ number: some FixedWidthInteger, to bytes: inout [UInt8]) {
    withUnsafeBytes(of: number.littleEndian) { bytes.append(contentsOf: $0) }
  }
}
