package import Foundation

/// A GGUF file, memory-mapped and checked.
package struct GGUFFile: Sendable {
  private let file: MappedFile
  /// Where it lies.
  package let path: String
  /// Every metadata value by its key.
  package let metadata: [String: GGUFValue]
  /// Every tensor by name.
  package let tensors: [String: GGUFTensor]

  /// Maps the file and checks its whole header; arrays and data are read when they are asked for.
  package init(mapping url: URL) throws(GGUFError) {
    path = url.path
    do throws(FileError) {
      file = try MappedFile(path: url.path)
    } catch {
      throw GGUFError(path: url.path, problem: .unreadable(error.description))
    }
    do throws(GGUFError.Problem) {
      let header = try GGUFHeader(file.bytes)
      metadata = header.metadata
      tensors = header.tensors
    } catch {
      throw GGUFError(path: url.path, problem: error)
    }
  }

  // Metadata. Each of these throws when the key is there with a value of another kind, and gives
  // nil when it is not there.

  /// A text.
  package func string(_ key: String) throws(GGUFError) -> String? {
    try value(key, expected: "a text") { if case .string(let text) = $0 { text } else { nil } }
  }

  /// A whole number.
  package func integer(_ key: String) throws(GGUFError) -> Int? {
    try value(key, expected: "a whole number below 2^63") {
      if case .integer(let number) = $0 { Int(exactly: number) } else { nil }
    }
  }

  /// A number, whole or not.
  package func number(_ key: String) throws(GGUFError) -> Double? {
    try value(key, expected: "a number") {
      switch $0 {
      case .number(let number): number
      case .integer(let number): Double(number)
      case .hugeInteger(let number): Double(number)
      case .bool, .string, .array: nil
      }
    }
  }

  /// True or false.
  package func bool(_ key: String) throws(GGUFError) -> Bool? {
    try value(key, expected: "true or false") { if case .bool(let flag) = $0 { flag } else { nil } }
  }

  /// An array of texts.
  package func strings(_ key: String) throws(GGUFError) -> [String]? {
    guard let array = try array(key, expected: "an array of texts", \.isText) else { return nil }
    return try read(array, key: key) { bytes throws(GGUFError.Problem) in
      try bytes.string("an element of \(key)")
    }
  }

  /// An array of whole numbers, of any width.
  package func integers(_ key: String) throws(GGUFError) -> [Int]? {
    guard let array = try array(key, expected: "an array of whole numbers", \.isInteger) else {
      return nil
    }
    return try read(array, key: key) { bytes throws(GGUFError.Problem) in
      switch array.element {
      case .uint8: Int(try bytes.number(UInt8.self))
      case .int8: Int(try bytes.number(Int8.self))
      case .uint16: Int(try bytes.number(UInt16.self))
      case .int16: Int(try bytes.number(Int16.self))
      case .uint32: Int(try bytes.number(UInt32.self))
      case .int32: Int(try bytes.number(Int32.self))
      case .uint64: Int(truncatingIfNeeded: try bytes.number(UInt64.self))
      default: Int(try bytes.number(Int64.self))
      }
    }
  }

  /// An array of numbers with a fraction.
  package func numbers(_ key: String) throws(GGUFError) -> [Double]? {
    guard let array = try array(key, expected: "an array of numbers", \.isFloat) else { return nil }
    return try read(array, key: key) { bytes throws(GGUFError.Problem) in
      array.element == .float64
        ? Double(bitPattern: try bytes.number(UInt64.self))
        : Double(Float(bitPattern: try bytes.number(UInt32.self)))
    }
  }

  /// `value`, or an error that names the missing key: `try file.require("general.architecture",
  /// file.string)`.
  package func require<Value>(
    _ key: String, _ read: (String) throws(GGUFError) -> Value?
  ) throws(GGUFError) -> Value {
    guard let value = try read(key) else {
      throw GGUFError(path: path, problem: .missingKey(key))
    }
    return value
  }

  // Tensors.

  /// What the file holds under `name`.
  ///
  /// - Parameter shape: when given, the shape it must have.
  package func tensor(_ name: String, shape: [Int]? = nil) throws(GGUFError) -> GGUFTensor {
    guard let tensor = tensors[name] else {
      throw GGUFError(path: path, problem: .missingTensor(name))
    }
    if let shape, shape != tensor.shape {
      throw GGUFError(
        path: path, problem: .wrongShape(tensor: name, found: tensor.shape, expected: shape))
    }
    return tensor
  }

  /// Calls `body` with the bytes of one tensor where they lie in the file.
  package func withBytes<Value, Failure: Error>(
    of tensor: GGUFTensor, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Value
  ) throws(Failure) -> Value {
    defer { withExtendedLifetime(file) {} }
    return try body(UnsafeRawBufferPointer(rebasing: file.bytes[tensor.byteRange]))
  }

  private func value<Value>(
    _ key: String, expected: String, _ read: (GGUFValue) -> Value?
  ) throws(GGUFError) -> Value? {
    guard let value = metadata[key] else { return nil }
    guard let result = read(value) else {
      throw GGUFError(
        path: path, problem: .wrongValue(key: key, found: value.kind, expected: expected))
    }
    return result
  }

  private func array(
    _ key: String, expected: String, _ isRead: (GGUFValueType) -> Bool
  ) throws(GGUFError) -> GGUFArray? {
    try value(key, expected: expected) {
      if case .array(let array) = $0, isRead(array.element) { array } else { nil }
    }
  }

  private func read<Element>(
    _ array: GGUFArray, key: String,
    _ element: (inout GGUFBytes) throws(GGUFError.Problem) -> Element
  ) throws(GGUFError) -> [Element] {
    defer { withExtendedLifetime(file) {} }
    var bytes = GGUFBytes(file.bytes, from: array.byteRange.lowerBound)
    do throws(GGUFError.Problem) {
      var elements: [Element] = []
      elements.reserveCapacity(array.count)
      for _ in 0..<array.count { elements.append(try element(&bytes)) }
      return elements
    } catch {
      throw GGUFError(path: path, problem: error)
    }
  }
}

extension GGUFValueType {
  fileprivate var isText: Bool { self == .string }
  fileprivate var isFloat: Bool { self == .float32 || self == .float64 }
  fileprivate var isInteger: Bool { !isText && !isFloat && self != .bool && self != .array }
}
