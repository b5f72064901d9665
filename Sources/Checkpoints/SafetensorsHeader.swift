/// The number format of a tensor in a safetensors file.
package enum SafetensorsType: String, CaseIterable, Sendable {
  case bool = "BOOL"
  case uint8 = "U8"
  case int8 = "I8"
  case float8e5m2 = "F8_E5M2"
  case float8e4m3 = "F8_E4M3"
  case int16 = "I16"
  case uint16 = "U16"
  case float16 = "F16"
  case bfloat16 = "BF16"
  case int32 = "I32"
  case uint32 = "U32"
  case float32 = "F32"
  case float64 = "F64"
  case int64 = "I64"
  case uint64 = "U64"

  /// Bytes of one element.
  package var bytes: Int {
    switch self {
    case .bool, .uint8, .int8, .float8e5m2, .float8e4m3: 1
    case .int16, .uint16, .float16, .bfloat16: 2
    case .int32, .uint32, .float32: 4
    case .float64, .int64, .uint64: 8
    }
  }
}

/// What the header says about one tensor.
package struct TensorInfo: Equatable, Sendable {
  /// The format of its elements, little endian.
  package let type: SafetensorsType
  /// Row-major; empty for a single number.
  package let shape: [Int]
  /// Where its bytes lie, counted from the start of the file.
  package let byteRange: Range<Int>

  /// Number of elements.
  package var count: Int { byteRange.count / type.bytes }
}

/// The checked header of a safetensors file: everything in it can be relied on.
///
/// Format: 8 bytes of header length (little endian), a JSON object from names to `dtype`, `shape`
/// and `data_offsets`, then the data. As in the reference implementation the tensors fill the data
/// without gap or overlap, so a file that lost bytes anywhere is refused.
///
/// Source: https://github.com/huggingface/safetensors, README, "Format".
struct SafetensorsHeader {
  /// The reference implementation's limit.
  static let lengthLimit = 100_000_000
  /// More dimensions than any tensor has; bounds what a hostile header can make us allocate.
  static let dimensionLimit = 64

  private(set) var tensors: [String: TensorInfo] = [:]
  private(set) var metadata: [String: String] = [:]

  /// Reads and checks the header of a whole file.
  init(_ file: UnsafeRawBufferPointer) throws(SafetensorsError.Problem) {
    guard file.count >= 8 else { throw .tooShort(bytes: file.count) }
    let announced = UInt64(littleEndian: file.loadUnaligned(as: UInt64.self))
    guard announced <= UInt64(Self.lengthLimit) else {
      throw .headerTooLong(bytes: announced, limit: Self.lengthLimit)
    }
    let dataStart = 8 + Int(announced)
    guard dataStart <= file.count else {
      throw .headerTooLong(bytes: announced, limit: file.count - 8)
    }
    var scanner = JSONScanner(
      UnsafeRawBufferPointer(rebasing: file[8..<dataStart]), firstByte: 8)
    let dataBytes = file.count - dataStart
    var hasMetadata = false
    try scanner.object { json, name throws(SafetensorsError.Problem) in
      guard name != "__metadata__" else {
        guard !hasMetadata else { throw .duplicateName(name) }
        hasMetadata = true
        return try readMetadata(&json)
      }
      let info = try Self.readTensor(&json, name: name, dataStart: dataStart, dataBytes: dataBytes)
      guard tensors.updateValue(info, forKey: name) == nil else {
        throw .duplicateName(name)
      }
    }
    try scanner.end()
    try checkCoverage(dataStart: dataStart, fileBytes: file.count)
  }

  private mutating func readMetadata(_ json: inout JSONScanner) throws(SafetensorsError.Problem) {
    try json.object { json, key throws(SafetensorsError.Problem) in
      guard metadata.updateValue(try json.string(), forKey: key) == nil else {
        throw .duplicateName("__metadata__.\(key)")
      }
    }
  }

  private static func readTensor(
    _ json: inout JSONScanner, name: String, dataStart: Int, dataBytes: Int
  ) throws(SafetensorsError.Problem) -> TensorInfo {
    var typeName: String?
    var shape: [Int]?
    var offsets: [Int]?
    try json.object { json, key throws(SafetensorsError.Problem) in
      switch key {
      case "dtype" where typeName == nil: typeName = try json.string()
      case "shape" where shape == nil: shape = try json.counts(limit: dimensionLimit)
      case "data_offsets" where offsets == nil: offsets = try json.counts(limit: 2)
      default: throw json.mismatch("dtype, shape and data_offsets, once each, in \(name)")
      }
    }
    guard let typeName, let shape, let offsets, offsets.count == 2 else {
      throw json.mismatch("dtype, shape and two data_offsets in \(name)")
    }
    guard let type = SafetensorsType(rawValue: typeName) else {
      throw .unknownType(tensor: name, type: typeName)
    }
    var shapeBytes = type.bytes
    for extent in shape {
      let (product, overflow) = shapeBytes.multipliedReportingOverflow(by: extent)
      guard !overflow else { throw .shapeTooLarge(tensor: name) }
      shapeBytes = product
    }
    guard offsets[0] <= offsets[1], offsets[1] <= dataBytes else {
      throw .outsideFile(tensor: name, end: max(offsets[0], offsets[1]), dataBytes: dataBytes)
    }
    guard offsets[1] - offsets[0] == shapeBytes else {
      throw .sizeMismatch(
        tensor: name, shapeBytes: shapeBytes, offsetBytes: offsets[1] - offsets[0])
    }
    return TensorInfo(
      type: type, shape: shape, byteRange: (dataStart + offsets[0])..<(dataStart + offsets[1]))
  }

  private func checkCoverage(dataStart: Int, fileBytes: Int) throws(SafetensorsError.Problem) {
    var end = dataStart
    let inOrder = tensors.sorted {
      ($0.value.byteRange.lowerBound, $0.value.byteRange.upperBound, $0.key)
        < ($1.value.byteRange.lowerBound, $1.value.byteRange.upperBound, $1.key)
    }
    for (name, info) in inOrder {
      guard info.byteRange.lowerBound == end else {
        throw .overlapOrGap(
          tensor: name, start: info.byteRange.lowerBound - dataStart, expected: end - dataStart)
      }
      end = info.byteRange.upperBound
    }
    guard end == fileBytes else { throw .trailingBytes(fileBytes - end) }
  }
}
