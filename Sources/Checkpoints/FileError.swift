#if canImport(Glibc)
  import Glibc
#endif

/// A system call on a file failed.
package struct FileError: Error, Equatable, Sendable, CustomStringConvertible {
  /// What was being done.
  package let operation: FileOperation
  /// On which file or folder.
  package let path: String
  /// The `errno` value.
  package let code: Int32

  /// An error of `operation` on `path` with an `errno` value.
  package init(_ operation: FileOperation, path: String, code: Int32) {
    self.operation = operation
    self.path = path
    self.code = code
  }

  /// Whether more room (disk, quota, file size limit) would have helped.
  package var isOutOfSpace: Bool { [ENOSPC, EDQUOT, EFBIG].contains(code) }

  package var description: String {
    "cannot \(operation.rawValue) \(path): \(String(cString: strerror(code)))"
  }
}

/// The steps of writing a file durably; each can fail, and a test can make each fail.
package enum FileOperation: String, CaseIterable, Sendable {
  case create
  case write
  case sync = "flush to disk"
  case rename
  case syncFolder = "flush the folder"
  case remove
  case open
  case map
}

/// What a failing disk does to one operation.
package enum FileFault: Equatable, Sendable {
  /// The call fails with this `errno` and changes nothing.
  case error(Int32)
  /// Half of the bytes are written, then the call fails with this `errno`.
  case shortWrite(Int32)
}

/// The seam through which tests make disks fail.
package enum FileFailpoint {
  /// Asked before each operation of the current task; nil lets it go through. Never set outside
  /// of tests.
  @TaskLocal package static var check: (@Sendable (FileOperation, String) -> FileFault?)?

  static func pass(_ operation: FileOperation, _ path: String) throws(FileError) {
    guard let check, let fault = check(operation, path) else { return }
    switch fault {
    case .error(let code), .shortWrite(let code):
      throw FileError(operation, path: path, code: code)
    }
  }
}
