package import Foundation

/// One reply. `Content-Length`, `Transfer-Encoding`, `Date` and `Connection` are the server's.
package struct HTTPResponse: Sendable {
  package enum Body: Sendable {
    case bytes([UInt8])
    /// These bytes of a file, sent by the kernel without a copy in this process.
    case file(HTTPFile, Range<Int64>)
    /// Sent as it comes, until it ends or the client leaves.
    case stream(HTTPStream)
  }

  /// 200 ... 599.
  package var status: Int
  /// Neither names nor values may hold a line break; a reply that breaks this becomes a 500.
  package var headers: [(name: String, value: String)]
  package var body: Body

  package init(status: Int, headers: [(name: String, value: String)] = [], body: Body) {
    self.status = status
    self.headers = headers
    self.body = body
  }

  package init(
    status: Int, headers: [(name: String, value: String)] = [], bytes: [UInt8] = []
  ) {
    self.init(status: status, headers: headers, body: .bytes(bytes))
  }
}

/// A regular file, open for reading: what is sent is this file, even when another one takes its
/// name meanwhile.
package final class HTTPFile: Sendable {
  package let size: Int64
  let descriptor: Int32

  /// - Throws: `POSIXError` with the system's reason, `.EISDIR` for a directory and `.EINVAL` for
  ///   anything else that is not a regular file.
  package init(path: String) throws(POSIXError) {
    // Without O_NONBLOCK, opening a named pipe would wait for its writer.
    descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
    guard descriptor >= 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
    var status = stat()
    let isKnown = fstat(descriptor, &status) == 0
    size = Int64(status.st_size)
    guard isKnown, status.st_mode & S_IFMT == S_IFREG else {
      throw POSIXError(status.st_mode & S_IFMT == S_IFDIR ? .EISDIR : .EINVAL)
    }
  }

  deinit { if descriptor >= 0 { close(descriptor) } }
}
