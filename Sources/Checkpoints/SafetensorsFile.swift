package import Foundation

/// A safetensors file, memory-mapped and checked.
package struct SafetensorsFile: Sendable {
  private let file: MappedFile
  /// Where it lies.
  package let path: String
  /// Every tensor by name.
  package let tensors: [String: TensorInfo]
  /// The `__metadata__` of the header.
  package let metadata: [String: String]

  /// Maps the file and checks its whole header; the data is read when it is asked for.
  package init(mapping url: URL) throws(SafetensorsError) {
    path = url.path
    do throws(FileError) {
      file = try MappedFile(path: url.path)
    } catch {
      throw SafetensorsError(path: url.path, problem: .unreadable(error.description))
    }
    do throws(SafetensorsError.Problem) {
      let header = try SafetensorsHeader(file.bytes)
      tensors = header.tensors
      metadata = header.metadata
    } catch {
      throw SafetensorsError(path: url.path, problem: error)
    }
  }

  /// What the file holds under `name`.
  ///
  /// - Parameter shape: when given, the shape it must have.
  package func info(_ name: String, shape: [Int]? = nil) throws(SafetensorsError) -> TensorInfo {
    guard let info = tensors[name] else {
      throw SafetensorsError(path: path, problem: .missingTensor(name))
    }
    if let shape, shape != info.shape {
      throw SafetensorsError(
        path: path, problem: .wrongShape(tensor: name, found: info.shape, expected: shape))
    }
    return info
  }

  /// What keeps the mapping; the bytes of a tensor stay where they are as long as it lives.
  package var mapping: any AnyObject & Sendable { file }

  /// Calls `body` with the bytes of one tensor where they lie in the file, little endian and
  /// perhaps not aligned.
  package func withBytes<Value, Failure: Error>(
    of info: TensorInfo, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Value
  ) throws(Failure) -> Value {
    defer { withExtendedLifetime(file) {} }
    return try body(UnsafeRawBufferPointer(rebasing: file.bytes[info.byteRange]))
  }

  /// The bytes of one tensor where they lie in the file.
  ///
  /// - Returns: the bytes, valid as long as `owner` lives.
  package func mappedBytes(
    of info: TensorInfo
  ) -> (bytes: UnsafeRawBufferPointer, owner: AnyObject) {
    (UnsafeRawBufferPointer(rebasing: file.bytes[info.byteRange]), file)
  }

  /// Gives the memory back that the pages of one tensor take in this process.
  func release(_ info: TensorInfo) { file.release(info.byteRange) }

  /// The elements of an F32, F16 or BF16 tensor, row-major.
  package func floats(_ name: String) throws(SafetensorsError) -> [Float] {
    let info = try info(name)
    guard info.type.isFloatingPoint else {
      throw SafetensorsError(
        path: path, problem: .notFloatingPoint(tensor: name, type: info.type.rawValue))
    }
    return [Float](unsafeUninitializedCapacity: info.count) { buffer, count in
      if let base = buffer.baseAddress { convert(info, 0..<info.count, into: base) }
      count = info.count
    }
  }

  /// Writes the elements of an F32, F16 or BF16 tensor to `destination`, row-major.
  ///
  /// - Parameters:
  ///   - shape: what the tensor must be; its product is the room at `destination`.
  package func copy(
    _ name: String, shape: [Int], into destination: UnsafeMutablePointer<Float>
  ) throws(SafetensorsError) {
    let info = try info(name, shape: shape)
    guard info.type.isFloatingPoint else {
      throw SafetensorsError(
        path: path, problem: .notFloatingPoint(tensor: name, type: info.type.rawValue))
    }
    convert(info, 0..<info.count, into: destination)
  }

  /// Some elements of a tensor of floats.
  func convert(
    _ info: TensorInfo, _ elements: Range<Int>, into destination: UnsafeMutablePointer<Float>
  ) {
    precondition(elements.upperBound <= info.count, "\(elements) of \(info.count)")
    withBytes(of: info) { bytes in
      guard let start = bytes.baseAddress else { return }
      let base = start + elements.lowerBound * info.type.bytes
      switch info.type {
      case .float32:
        UnsafeMutableRawPointer(destination).copyMemory(
          from: base, byteCount: elements.count * info.type.bytes)
      case .bfloat16:
        for index in 0..<elements.count {
          let bits = base.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self)
          destination[index] = Float(bitPattern: UInt32(bits) << 16)
        }
      case .float16:
        for index in 0..<elements.count {
          let bits = base.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self)
          destination[index] = Float(Float16(bitPattern: bits))
        }
      default: preconditionFailure("checked by the callers")
      }
    }
  }
}
