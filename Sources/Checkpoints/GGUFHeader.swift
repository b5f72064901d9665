/// One metadata value of a GGUF file. Integers of every width are widened.
package enum GGUFValue: Equatable, Sendable {
  case integer(Int64)
  /// Only what is above `Int64.max`.
  case hugeInteger(UInt64)
  case number(Double)
  case bool(Bool)
  case string(String)
  /// The elements stay in the file until they are asked for.
  case array(GGUFArray)

  /// For messages: what kind of value it is.
  var kind: String {
    switch self {
    case .integer(let value): "the integer \(value)"
    case .hugeInteger(let value): "the integer \(value)"
    case .number(let value): "the number \(value)"
    case .bool(let value): "\(value)"
    case .string: "a text"
    case .array(let array): "an array of \(array.count) \(array.element)"
    }
  }
}

/// Where the elements of a metadata array lie; all of them were found inside the file.
package struct GGUFArray: Equatable, Sendable {
  /// What the elements are.
  package let element: GGUFValueType
  /// Number of elements.
  package let count: Int
  /// From the first element's first byte to the last one's last, counted from the file's start.
  package let byteRange: Range<Int>
}

/// The type of a metadata value; the raw value is its number in the file.
package enum GGUFValueType: UInt32, CaseIterable, Sendable {
  case uint8 = 0
  case int8 = 1
  case uint16 = 2
  case int16 = 3
  case uint32 = 4
  case int32 = 5
  case float32 = 6
  case bool = 7
  case string = 8
  case array = 9
  case uint64 = 10
  case int64 = 11
  case float64 = 12

  /// Bytes of one value; nil where it has a length of its own.
  package var bytes: Int? {
    switch self {
    case .uint8, .int8, .bool: 1
    case .uint16, .int16: 2
    case .uint32, .int32, .float32: 4
    case .uint64, .int64, .float64: 8
    case .string, .array: nil
    }
  }
}

/// What the header says about one tensor.
package struct GGUFTensor: Equatable, Sendable {
  /// How its elements are stored.
  package let type: GGUFTensorType
  /// Row-major: the other way round than in the file.
  package let shape: [Int]
  /// Where its bytes lie, counted from the start of the file.
  package let byteRange: Range<Int>
}

/// The checked header of a GGUF file: everything in it can be relied on.
///
/// Format: the magic, a version, the counts of tensors and of metadata pairs, the pairs, the
/// tensors' names, shapes, types and offsets, padding to `general.alignment`, then the data. Every
/// count and length is compared with the bytes that are left before anything is allocated for it.
///
/// Source: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md
struct GGUFHeader {
  /// ggml's limit, GGML_MAX_DIMS.
  static let dimensionLimit = 4
  static let defaultAlignment = 32

  private(set) var metadata: [String: GGUFValue] = [:]
  private(set) var tensors: [String: GGUFTensor] = [:]

  /// Reads and checks the header of a whole file.
  init(_ file: UnsafeRawBufferPointer) throws(GGUFError.Problem) {
    var bytes = GGUFBytes(file)
    guard file.count >= 4, file.loadUnaligned(as: UInt32.self) == 0x4655_4747 else {
      throw .notGGUF
    }
    _ = try bytes.number(UInt32.self)
    let version = try bytes.number(UInt32.self)
    guard version == 2 || version == 3 else { throw .unsupportedVersion(version) }
    // A tensor takes at least 24 bytes of header, a pair 13.
    let tensorCount = try bytes.count(of: "tensors", each: 24)
    let pairCount = try bytes.count(of: "metadata pairs", each: 13)
    for _ in 0..<pairCount {
      let key = try bytes.string("a key")
      let value = try bytes.value()
      guard metadata.updateValue(value, forKey: key) == nil else { throw .duplicateName(key) }
    }
    let alignment = try alignment()
    var infos: [(name: String, type: GGUFTensorType, shape: [Int], offset: UInt64)] = []
    for _ in 0..<tensorCount { infos.append(try Self.tensor(&bytes)) }
    let dataStart = (bytes.position + alignment - 1) / alignment * alignment
    // Without tensors the padding may be left out.
    let dataBytes = max(0, file.count - dataStart)
    for info in infos {
      let tensor = try Self.located(
        info, dataStart: dataStart, dataBytes: dataBytes, alignment: alignment)
      guard tensors.updateValue(tensor, forKey: info.name) == nil else {
        throw .duplicateName(info.name)
      }
    }
    try checkOverlap(dataStart: dataStart)
  }

  private func alignment() throws(GGUFError.Problem) -> Int {
    let key = "general.alignment"
    guard let value = metadata[key] else { return Self.defaultAlignment }
    guard case .integer(let alignment) = value, alignment > 0, alignment <= 1 << 20,
      alignment & (alignment - 1) == 0
    else {
      throw .wrongValue(key: key, found: value.kind, expected: "a power of two up to 2^20")
    }
    return Int(alignment)
  }

  private static func tensor(
    _ bytes: inout GGUFBytes
  ) throws(GGUFError.Problem) -> (
    name: String, type: GGUFTensorType, shape: [Int], offset: UInt64
  ) {
    let name = try bytes.string("a tensor's name")
    let start = bytes.position
    let dimensions = try bytes.number(UInt32.self)
    guard dimensions <= dimensionLimit else {
      throw .malformed(byte: start, expected: "at most \(dimensionLimit) dimensions of \(name)")
    }
    var shape: [Int] = []
    for _ in 0..<dimensions {
      let position = bytes.position
      guard let extent = Int(exactly: try bytes.number(UInt64.self)) else {
        throw .malformed(byte: position, expected: "an extent below 2^63 of \(name)")
      }
      shape.append(extent)
    }
    let number = try bytes.number(UInt32.self)
    let offset = try bytes.number(UInt64.self)
    guard let type = GGUFTensorType(rawValue: number) else {
      throw .unknownType(tensor: name, number: number)
    }
    return (name, type, shape.reversed(), offset)
  }

  private static func located(
    _ info: (name: String, type: GGUFTensorType, shape: [Int], offset: UInt64), dataStart: Int,
    dataBytes: Int, alignment: Int
  ) throws(GGUFError.Problem) -> GGUFTensor {
    guard let byteCount = info.type.byteCount(shape: info.shape) else {
      throw .impossibleShape(tensor: info.name, shape: info.shape, type: info.type.name)
    }
    let (end, overflow) = info.offset.addingReportingOverflow(UInt64(byteCount))
    guard !overflow, end <= UInt64(dataBytes) else {
      throw .outsideFile(tensor: info.name, end: overflow ? .max : end, dataBytes: dataBytes)
    }
    guard info.offset % UInt64(alignment) == 0 else {
      throw .malformed(
        byte: dataStart + Int(info.offset), expected: "\(info.name) at a multiple of \(alignment)")
    }
    let start = dataStart + Int(info.offset)
    return GGUFTensor(type: info.type, shape: info.shape, byteRange: start..<start + byteCount)
  }

  private func checkOverlap(dataStart: Int) throws(GGUFError.Problem) {
    var end = dataStart
    let inOrder = tensors.sorted {
      ($0.value.byteRange.lowerBound, $0.value.byteRange.upperBound, $0.key)
        < ($1.value.byteRange.lowerBound, $1.value.byteRange.upperBound, $1.key)
    }
    for (name, tensor) in inOrder {
      guard tensor.byteRange.lowerBound >= end else {
        throw .overlap(
          tensor: name, start: tensor.byteRange.lowerBound - dataStart, expected: end - dataStart)
      }
      end = tensor.byteRange.upperBound
    }
  }
}

/// Steps through the bytes of a GGUF header; never beyond their end.
struct GGUFBytes {
  private let bytes: UnsafeRawBufferPointer
  /// The next byte.
  private(set) var position: Int

  init(_ bytes: UnsafeRawBufferPointer, from position: Int = 0) {
    self.bytes = bytes
    self.position = position
  }

  mutating func number<Number: FixedWidthInteger & BitwiseCopyable>(
    _ type: Number.Type
  ) throws(GGUFError.Problem) -> Number {
    let width = MemoryLayout<Number>.size
    guard bytes.count - position >= width else {
      throw .truncated(byte: position, expected: "a number of \(width) bytes")
    }
    defer { position += width }
    return Number(littleEndian: bytes.loadUnaligned(fromByteOffset: position, as: Number.self))
  }

  /// Reads a count of things that take at least `each` bytes; they must fit into what is left.
  mutating func count(of things: String, each: Int) throws(GGUFError.Problem) -> Int {
    let start = position
    let count = try number(UInt64.self)
    guard count <= UInt64((bytes.count - position) / each) else {
      throw .truncated(byte: start, expected: "\(count) \(things)")
    }
    return Int(count)
  }

  /// Reads a length and as many bytes; gives where they lie.
  mutating func text(_ what: String) throws(GGUFError.Problem) -> Range<Int> {
    let length = try count(of: "bytes of \(what)", each: 1)
    defer { position += length }
    return position..<position + length
  }

  mutating func string(_ what: String) throws(GGUFError.Problem) -> String {
    let range = try text(what)
    guard let string = String(validating: bytes[range], as: UTF8.self) else {
      throw .malformed(byte: range.lowerBound, expected: "UTF-8 text in \(what)")
    }
    return string
  }

  mutating func value() throws(GGUFError.Problem) -> GGUFValue {
    switch try valueType() {
    case .uint8: .integer(Int64(try number(UInt8.self)))
    case .int8: .integer(Int64(try number(Int8.self)))
    case .uint16: .integer(Int64(try number(UInt16.self)))
    case .int16: .integer(Int64(try number(Int16.self)))
    case .uint32: .integer(Int64(try number(UInt32.self)))
    case .int32: .integer(Int64(try number(Int32.self)))
    case .int64: .integer(try number(Int64.self))
    case .uint64: Self.widened(try number(UInt64.self))
    case .float32: .number(Double(Float(bitPattern: try number(UInt32.self))))
    case .float64: .number(Double(bitPattern: try number(UInt64.self)))
    case .bool: .bool(try number(UInt8.self) != 0)
    case .string: .string(try string("a value"))
    case .array: .array(try array())
    }
  }

  private static func widened(_ value: UInt64) -> GGUFValue {
    Int64(exactly: value).map { .integer($0) } ?? .hugeInteger(value)
  }

  private mutating func valueType() throws(GGUFError.Problem) -> GGUFValueType {
    let start = position
    let number = try number(UInt32.self)
    guard let type = GGUFValueType(rawValue: number) else {
      throw .malformed(byte: start, expected: "a value's type from 0 to 12, not \(number)")
    }
    return type
  }

  /// Reads over an array's elements.
  private mutating func array() throws(GGUFError.Problem) -> GGUFArray {
    let typeStart = position
    let element = try valueType()
    // llama.cpp reads none either.
    guard element != .array else {
      throw .malformed(byte: typeStart, expected: "no array of arrays")
    }
    // A text takes at least its length.
    let count = try count(of: "elements of an array", each: element.bytes ?? 8)
    let start = position
    if let width = element.bytes {
      position += count * width
    } else {
      for _ in 0..<count { _ = try text("an element") }
    }
    return GGUFArray(element: element, count: count, byteRange: start..<position)
  }
}
