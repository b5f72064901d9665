/// Why a GGUF file, or one entry of it, cannot be used.
package struct GGUFError: Error, Equatable, Sendable, CustomStringConvertible {
  /// The file.
  package let path: String
  /// What is wrong with it.
  package let problem: Problem

  /// A problem of the file at `path`.
  package init(path: String, problem: Problem) {
    self.path = path
    self.problem = problem
  }

  /// What can be wrong. Byte positions count from the start of the file.
  package enum Problem: Error, Equatable, Sendable {
    case unreadable(String)
    case notGGUF
    case unsupportedVersion(UInt32)
    /// A count, a length or the file itself ends too early.
    case truncated(byte: Int, expected: String)
    case malformed(byte: Int, expected: String)
    case duplicateName(String)
    case unknownType(tensor: String, number: UInt32)
    /// The shape overflows, or its rows are no whole number of the type's blocks.
    case impossibleShape(tensor: String, shape: [Int], type: String)
    case outsideFile(tensor: String, end: UInt64, dataBytes: Int)
    case overlap(tensor: String, start: Int, expected: Int)
    case missingKey(String)
    case wrongValue(key: String, found: String, expected: String)
    case missingTensor(String)
    case wrongShape(tensor: String, found: [Int], expected: [Int])
    case unsupportedTensor(tensor: String, type: String)
  }

  package var description: String { "\(path): \(problem.text)" }
}

extension GGUFError.Problem {
  fileprivate var text: String {
    switch self {
    case .unreadable(let reason): "cannot be read: \(reason)"
    case .notGGUF: "does not start with GGUF: another format"
    case .unsupportedVersion(let version):
      version & 0xFFFF == 0
        ? "is a big-endian GGUF file; little-endian ones are read"
        : "is GGUF version \(version); 2 and 3 are read"
    case .truncated(let byte, let expected):
      "ends too early: \(expected) at byte \(byte) does not fit into the file"
    case .malformed(let byte, let expected): "malformed at byte \(byte): expected \(expected)"
    case .duplicateName(let name): "the name \(name) appears twice"
    case .unknownType(let tensor, let number):
      "tensor \(tensor) has the type \(number), which is not known here"
    case .impossibleShape(let tensor, let shape, let type):
      "tensor \(tensor) cannot have the shape \(shape) in \(type)"
    case .outsideFile(let tensor, let end, let dataBytes):
      "tensor \(tensor) ends at data byte \(end), but there are \(dataBytes): truncated?"
    case .overlap(let tensor, let start, let expected):
      "tensor \(tensor) starts at data byte \(start), but the one before ends at \(expected)"
    case .missingKey(let key): "has no metadata \(key)"
    case .wrongValue(let key, let found, let expected):
      "metadata \(key) is \(found), expected \(expected)"
    case .missingTensor(let name): "has no tensor \(name)"
    case .wrongShape(let tensor, let found, let expected):
      "tensor \(tensor) has shape \(found), expected \(expected)"
    case .unsupportedTensor(let tensor, let type):
      "tensor \(tensor) is stored as \(type), which is not read here"
    }
  }
}
