package import Foundation

/// Writes safetensors files.
package enum SafetensorsWriter {
  /// A tensor to write.
  package struct Tensor {
    package let name: String
    package let type: SafetensorsType
    /// Row-major.
    package let shape: [Int]
    /// Appends the tensor's bytes, little endian, as many as type and shape say.
    package let write: (inout DurableFile) throws(FileError) -> Void

    /// A tensor whose bytes `write` appends when its turn comes.
    package init(
      name: String, type: SafetensorsType, shape: [Int],
      write: @escaping (inout DurableFile) throws(FileError) -> Void
    ) {
      self.name = name
      self.type = type
      self.shape = shape
      self.write = write
    }

    /// A tensor whose elements lie in memory, little endian, until it is written.
    package init(
      name: String, type: SafetensorsType, shape: [Int], bytes: UnsafeRawBufferPointer
    ) {
      self.init(name: name, type: type, shape: shape) { file throws(FileError) in
        try file.write(bytes)
      }
    }

    /// An F32 tensor; `shape`'s product is the number of `values`.
    package init(name: String, shape: [Int], values: UnsafePointer<Float>) {
      let count = shape.reduce(1, *)
      self.init(
        name: name, type: .float32, shape: shape,
        bytes: UnsafeRawBufferPointer(UnsafeBufferPointer(start: values, count: count)))
    }

    var byteCount: Int { shape.reduce(type.bytes, *) }
  }

  /// Writes tensors in the given order; the file appears whole or not at all.
  ///
  /// Names must be different from each other and from `__metadata__`.
  package static func write(
    to url: URL, tensors: [Tensor], metadata: [String: String] = [:]
  ) throws(FileError) {
    let header = header(tensors, metadata: metadata)
    try AtomicFile.write(to: url) { file throws(FileError) in
      try file.write(header)
      for tensor in tensors {
        let start = file.byteCount
        try tensor.write(&file)
        precondition(
          file.byteCount - start == tensor.byteCount,
          "\(tensor.name) wrote too much or too little")
      }
    }
  }

  /// The length and the JSON, padded with spaces so that the data starts at a multiple of 64 bytes:
  /// mapped weights can then be used in place by vector loads.
  private static func header(_ tensors: [Tensor], metadata: [String: String]) -> [UInt8] {
    precondition(
      Set(tensors.map(\.name) + ["__metadata__"]).count == tensors.count + 1,
      "tensor names must differ")
    var entries: [String] = []
    if !metadata.isEmpty {
      let pairs = metadata.sorted { $0.key < $1.key }.map { "\(quoted($0)):\(quoted($1))" }
      entries.append("\"__metadata__\":{\(pairs.joined(separator: ","))}")
    }
    var offset = 0
    for tensor in tensors {
      let end = offset + tensor.byteCount
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      entries.append(
        "\(quoted(tensor.name)):{\"dtype\":\"\(tensor.type.rawValue)\",\"shape\":[\(shape)],"
          + "\"data_offsets\":[\(offset),\(end)]}")
      offset = end
    }
    var json = Array("{\(entries.joined(separator: ","))}".utf8)
    json.append(contentsOf: repeatElement(32, count: (64 - (json.count + 8) % 64) % 64))
    return withUnsafeBytes(of: UInt64(json.count).littleEndian, Array.init) + json
  }

  private static func quoted(_ text: String) -> String {
    var result = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": result += "\\\(scalar)"
      case "\u{0}"..<" ":
        let digits = String(scalar.value, radix: 16)
        result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result + "\""
  }
}
