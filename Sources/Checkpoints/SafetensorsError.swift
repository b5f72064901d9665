/// Why a safetensors file, or one tensor of it, cannot be used.
package struct SafetensorsError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The file.
  package let path: String
  /// What is wrong with it.
  package let problem: Problem

  /// What can be wrong. Byte positions count from the start of the file.
  package enum Problem: Error, Equatable, Sendable {
    case unreadable(String)
    case tooShort(bytes: Int)
    case headerTooLong(bytes: UInt64, limit: Int)
    case malformed(byte: Int, expected: String)
    case duplicateName(String)
    case unknownType(tensor: String, type: String)
    case shapeTooLarge(tensor: String)
    case sizeMismatch(tensor: String, shapeBytes: Int, offsetBytes: Int)
    case outsideFile(tensor: String, end: Int, dataBytes: Int)
    case overlapOrGap(tensor: String, start: Int, expected: Int)
    case trailingBytes(Int)
    case missingTensor(String)
    case wrongShape(tensor: String, found: [Int], expected: [Int])
    case notFloatingPoint(tensor: String, type: String)
    case unsafeFileName(String)
    /// A tensor that the model of this configuration does not have.
    case unexpectedTensor(String)
    /// A head that is tied by the configuration and has other values than the embedding.
    case untiedHead(tensor: String, embedding: String)
    case badPackedTensor(String, reason: String)
  }

  package var description: String { "\(path): \(problem.text)" }
}

extension SafetensorsError.Problem {
  fileprivate var text: String {
    switch self {
    case .unreadable(let reason): "cannot be read: \(reason)"
    case .tooShort(let bytes):
      "\(bytes) bytes are too short for a safetensors file (8 bytes of header length, then the"
        + " header): truncated, or another format"
    case .headerTooLong(let bytes, let limit):
      "announces a header of \(bytes) bytes, more than \(limit): truncated, or not safetensors"
    case .malformed(let byte, let expected):
      "malformed JSON at byte \(byte): expected \(expected)"
    case .duplicateName(let name): "the name \(name) appears twice"
    case .unknownType(let tensor, let type): "tensor \(tensor) has the unknown dtype \(type)"
    case .shapeTooLarge(let tensor): "the shape of tensor \(tensor) overflows 63 bits"
    case .sizeMismatch(let tensor, let shapeBytes, let offsetBytes):
      "tensor \(tensor) needs \(shapeBytes) bytes by its shape, but its offsets span \(offsetBytes)"
    case .outsideFile(let tensor, let end, let dataBytes):
      "tensor \(tensor) ends at data byte \(end), but there are \(dataBytes): truncated?"
    case .overlapOrGap(let tensor, let start, let expected):
      "tensor \(tensor) starts at data byte \(start), but the one before ends at \(expected)"
    case .trailingBytes(let count): "\(count) bytes after the last tensor belong to none"
    case .missingTensor(let name): "has no tensor \(name)"
    case .wrongShape(let tensor, let found, let expected):
      "tensor \(tensor) has shape \(found), expected \(expected)"
    case .notFloatingPoint(let tensor, let type):
      "tensor \(tensor) has dtype \(type), expected F32, F16 or BF16"
    case .unsafeFileName(let name):
      "names the shard \(name), which is not a plain file name in the same folder"
    case .unexpectedTensor(let name):
      "has a tensor \(name), which a model of this config.json does not have"
    case .untiedHead(let tensor, let embedding):
      "has a tensor \(tensor) unlike \(embedding), although config.json says"
        + " tie_word_embeddings: true"
    case .badPackedTensor(let tensor, let reason): "tensor \(tensor) \(reason)"
    }
  }
}
