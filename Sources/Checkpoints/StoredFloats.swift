/// A tensor of floats where it lies in its mapped file: read in pieces, or used in place.
package struct StoredFloats: Sendable {
  private let file: SafetensorsFile
  private let info: TensorInfo

  /// - Parameter info: of `file`. - Throws: when it is no tensor of floats.
  init(_ info: TensorInfo, named name: String, in file: SafetensorsFile) throws(SafetensorsError) {
    guard info.type.isFloatingPoint else {
      throw SafetensorsError(
        path: file.path, problem: .notFloatingPoint(tensor: name, type: info.type.rawValue))
    }
    self.file = file
    self.info = info
  }

  /// F32, F16 or BF16.
  package var type: SafetensorsType { info.type }

  /// The elements as they are stored, little endian, valid as long as `owner` lives; nil when they are
  /// not aligned.
  package var mapped: (bytes: UnsafeRawBufferPointer, owner: AnyObject)? {
    let (bytes, owner) = file.mappedBytes(of: info)
    guard let base = bytes.baseAddress, UInt(bitPattern: base) % UInt(info.type.bytes) == 0 else {
      return nil
    }
    return (bytes, owner)
  }

  /// Writes some elements, row-major, as floats.
  ///
  /// - Parameter elements: of those that there are; `destination` has room for as many.
  package func copy(_ elements: Range<Int>, into destination: UnsafeMutablePointer<Float>) {
    file.convert(info, elements, into: destination)
  }

  /// Gives the memory back that the tensor's pages take in this process; they are still in the
  /// kernel's cache, and are read again when they are needed again.
  package func release() { file.release(info) }
}
