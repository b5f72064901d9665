package import Foundation

/// The weights of a model folder, read tensor by tensor, whatever they are stored as.
package struct ModelWeights: Sendable {
  private let folder: SafetensorsFolder
  private let path: String
  private let packedScale: PackedTernaryTensor.ScaleMeaning?

  /// Opens the safetensors of `folder`.
  ///
  /// - Parameter packedScale: what `weight_scale` means when ternary matrices are packed; nil when
  ///   they are stored as floats.
  package init(
    _ folder: URL, packedScale: PackedTernaryTensor.ScaleMeaning? = nil
  ) throws(SafetensorsError) {
    self.folder = try SafetensorsFolder(folder)
    path = folder.path
    self.packedScale = packedScale
  }

  /// The names of all tensors.
  package var tensorNames: Set<String> { folder.tensorNames }
  /// The files, in the order of their names.
  package var filePaths: [String] { folder.files.sorted { $0.key < $1.key }.map(\.value.path) }

  /// Bytes of all tensors as they are stored.
  package var byteCount: Int {
    folder.files.values.reduce(0) { $0 + $1.tensors.values.reduce(0) { $0 + $1.byteRange.count } }
  }

  /// Checks that a tensor is there in a form that `copy` reads, without reading it.
  package func check(_ name: String, shape: [Int], isTernary: Bool) throws(SafetensorsError) {
    let file = try folder.file(of: name)
    guard isTernary, packedScale != nil else {
      let info = try file.info(name, shape: shape)
      guard info.type.isFloatingPoint else {
        throw SafetensorsError(
          path: file.path, problem: .notFloatingPoint(tensor: name, type: info.type.rawValue))
      }
      return
    }
    _ = try packed(name, shape: shape)
    _ = try unit(of: name)
  }

  /// Refuses a checkpoint that holds more than a model reads, such as biases that it does not have.
  ///
  /// - Parameters:
  ///   - expected: the tensors that are read.
  ///   - tied: two names that may both be there when their values are equal: the head and the
  ///     embedding that it is tied to.
  package func requireNothingElse(
    than expected: Set<String>, tied: (head: String, embedding: String)?
  ) throws(SafetensorsError) {
    for name in tensorNames.subtracting(expected).sorted() {
      // Frequencies that older programs stored follow from the configuration.
      if name.hasSuffix(".rotary_emb.inv_freq") { continue }
      if packedScale != nil, name.hasSuffix(Self.scaleSuffix),
        expected.contains(String(name.dropLast(Self.scaleSuffix.count)) + ".weight")
      {
        continue
      }
      if let tied, name == tied.head {
        guard try isEqual(tied.head, tied.embedding) else {
          throw SafetensorsError(
            path: path,
            problem: .untiedHead(tensor: tied.head, embedding: tied.embedding))
        }
        continue
      }
      throw SafetensorsError(path: path, problem: .unexpectedTensor(name))
    }
  }

  /// Writes a tensor as floats, row-major.
  ///
  /// - Parameters:
  ///   - shape: what the tensor must be, unpacked; its product is the room at `destination`.
  ///   - isTernary: whether it is one of those that may be packed. The floats of a packed one are
  ///     latent weights that round to its trits and its scale.
  package func copy(
    _ name: String, shape: [Int], isTernary: Bool, into destination: UnsafeMutablePointer<Float>
  ) throws(SafetensorsError) {
    let file = try folder.file(of: name)
    guard isTernary, packedScale != nil else {
      return try file.copy(name, shape: shape, into: destination)
    }
    let info = try packed(name, shape: shape)
    let unit = try unit(of: name)
    let isRead = file.withBytes(of: info) { bytes in
      PackedTernaryTensor.writeLatents(bytes, unit: unit, to: destination)
    }
    guard isRead else {
      throw SafetensorsError(
        path: file.path, problem: .badPackedTensor(name, reason: "holds a field that is no trit"))
    }
  }

  /// Whether ternary matrices are stored as trits, which `copy` makes floats of.
  package var holdsTrits: Bool { packedScale != nil }

  /// A tensor of floats, to be read in pieces.
  ///
  /// - Parameter shape: what it must be.
  package func floats(
    _ name: String, shape: [Int]
  ) throws(SafetensorsError) -> StoredFloats {
    let (file, info) = try stored(name, shape: shape)
    return try StoredFloats(info, named: name, in: file)
  }

  /// A tensor where it lies in its file: its type and its bytes, little endian.
  ///
  /// - Returns: the file, which keeps the bytes alive.
  package func stored(
    _ name: String, shape: [Int]
  ) throws(SafetensorsError) -> (file: SafetensorsFile, info: TensorInfo) {
    let file = try folder.file(of: name)
    return (file, try file.info(name, shape: shape))
  }

  // MARK: - Packed matrices

  private static let scaleSuffix = ".weight_scale"

  private func packed(_ name: String, shape: [Int]) throws(SafetensorsError) -> TensorInfo {
    let file = try folder.file(of: name)
    guard shape.count == 2, shape[0] % PackedTernaryTensor.rowsPerByte == 0 else {
      throw SafetensorsError(
        path: file.path,
        problem: .badPackedTensor(name, reason: "has \(shape[0]) rows, expected a multiple of 4"))
    }
    let info = try file.info(
      name, shape: [shape[0] / PackedTernaryTensor.rowsPerByte, shape[1]])
    guard info.type == .uint8 else {
      throw SafetensorsError(
        path: file.path,
        problem: .badPackedTensor(name, reason: "has dtype \(info.type.rawValue), expected U8"))
    }
    return info
  }

  /// Δ of a packed matrix.
  private func unit(of name: String) throws(SafetensorsError) -> Double {
    let scaleName = String(name.dropLast(".weight".count)) + Self.scaleSuffix
    let file = try folder.file(of: scaleName)
    let values = try file.floats(scaleName)
    guard values.count == 1, let scale = values.first, scale.isFinite, scale > 0 else {
      throw SafetensorsError(
        path: file.path,
        problem: .badPackedTensor(scaleName, reason: "is \(values), expected one number above 0"))
    }
    let unit = packedScale == .divided ? 1 / Double(scale) : Double(scale)
    // Below this the rounding's own bound would take over (RECIPE §2).
    guard unit >= 1e-5 else {
      throw SafetensorsError(
        path: file.path,
        problem: .badPackedTensor(
          scaleName, reason: "makes a unit of \(unit), expected at least 1e-5"))
    }
    return unit
  }

  private func isEqual(_ one: String, _ other: String) throws(SafetensorsError) -> Bool {
    let (first, second) = (try folder.file(of: one), try folder.file(of: other))
    let (left, right) = (try first.info(one), try second.info(other))
    guard left.shape == right.shape, left.type == right.type else { return false }
    return first.withBytes(of: left) { left in
      second.withBytes(of: right) { right in
        left.count == right.count
          && (left.count == 0 || memcmp(left.baseAddress!, right.baseAddress!, left.count) == 0)
      }
    }
  }
}

extension SafetensorsType {
  /// Whether `SafetensorsFile.copy` reads it.
  package var isFloatingPoint: Bool { [.float32, .float16, .bfloat16].contains(self) }
}
