internal import CMicrohttpd
internal import Foundation

/// One `MHD_Response`, released when its owner goes away. libmicrohttpd counts its own references.
struct MicrohttpdResponse: ~Copyable {
  private let response: OpaquePointer

  /// Nil when the system has no memory or descriptors left, or a header breaks a line.
  init?(_ content: HTTPResponse, on connection: OpaquePointer, registry: ConnectionRegistry) {
    guard
      let response =
        switch content.body {
        case .bytes(let bytes): Self.copy(bytes)
        case .file(let file, let range): Self.file(file, range)
        case .stream(let stream): Self.stream(stream, connection, registry)
        }
    else { return nil }
    for (name, value) in content.headers {
      guard MHD_add_response_header(response, name, value) == .YES else {
        MHD_destroy_response(response)
        return nil
      }
    }
    self.response = response
  }

  deinit { MHD_destroy_response(response) }

  func queue(on connection: OpaquePointer, status: Int) -> MHD_Result {
    MHD_queue_response(connection, UInt32(clamping: status), response)
  }

  private static func copy(_ bytes: [UInt8]) -> OpaquePointer? {
    bytes.withUnsafeBytes { bytes in
      // The parameter is not const for the sake of other modes; this one only reads.
      MHD_create_response_from_buffer(
        bytes.count, UnsafeMutableRawPointer(mutating: bytes.baseAddress), .RESPMEM_MUST_COPY)
    }
  }

  private static func file(_ file: HTTPFile, _ range: Range<Int64>) -> OpaquePointer? {
    precondition(range.lowerBound >= 0 && range.upperBound <= file.size, "a range of the file")
    guard !range.isEmpty else { return copy([]) }
    // libmicrohttpd closes the descriptor that it is given.
    let descriptor = fcntl(file.descriptor, F_DUPFD_CLOEXEC, 0)
    guard descriptor >= 0 else { return nil }
    return MHD_create_response_from_fd_at_offset64(
      UInt64(range.count), descriptor, UInt64(range.lowerBound))
      ?? {
        close(descriptor)
        return nil
      }()
  }

  private static func stream(
    _ stream: HTTPStream, _ connection: OpaquePointer, _ registry: ConnectionRegistry
  ) -> OpaquePointer? {
    let reply = StreamReply(stream: stream, connection: connection, registry: registry)
    let context = Unmanaged.passRetained(reply)
    // Used for HTTP/1.0 only; chunks are made in the connection's own buffer.
    let blockBytes = 256
    let response = MHD_create_response_from_callback(
      UInt64.max, blockBytes, streamReplyRead, context.toOpaque(), streamReplyRelease)
    if response == nil { context.release() }
    return response
  }
}

/// A stream on its connection, owned by libmicrohttpd's response.
private final class StreamReply {
  let stream: HTTPStream
  let connection: OpaquePointer
  let registry: ConnectionRegistry
  /// Since the buffer was given back; at first, libmicrohttpd itself has cleared all of it.
  private var bytesWritten = Int.max

  init(stream: HTTPStream, connection: OpaquePointer, registry: ConnectionRegistry) {
    self.stream = stream
    self.connection = connection
    self.registry = registry
    registry.began(stream, socket: mhd_shim_socket(connection))
  }

  func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
    let pulled = stream.pull(into: buffer, connection: connection, second: monotonicSecond())
    switch pulled {
    case .bytes(let count):
      bytesWritten = max(bytesWritten, count)
      return count
    case .suspended:
      giveBack(buffer)
      return 0
    case .end: return mhdStreamEnd
    case .clientGone: return mhdStreamError
    }
  }

  /// A silent stream needs none of its buffer's pages: 1,000 of them take 10 MB with this, and
  /// 27 MB without.
  private func giveBack(_ buffer: UnsafeMutableRawBufferPointer) {
    let pageBytes = Int(sysconf(Int32(_SC_PAGESIZE)))
    guard bytesWritten > pageBytes, let start = buffer.baseAddress else { return }
    let first = start.alignedUp(toMultipleOf: pageBytes)
    let end = (start + buffer.count).alignedDown(toMultipleOf: pageBytes)
    guard first < end else { return }
    // The content is lost; nothing was handed over, so nobody reads it.
    madvise(first, end - first, MADV_DONTNEED)
    bytesWritten = 0
  }

  deinit {
    registry.ended(stream)
    stream.close()
  }
}

private func streamReplyRead(
  context: UnsafeMutableRawPointer?, position: UInt64, buffer: UnsafeMutablePointer<CChar>?,
  count: Int
) -> Int {
  guard let context, let buffer else { return mhdStreamError }
  return Unmanaged<StreamReply>.fromOpaque(context).takeUnretainedValue()
    .read(into: UnsafeMutableRawBufferPointer(start: buffer, count: count))
}

private func streamReplyRelease(context: UnsafeMutableRawPointer?) {
  guard let context else { return }
  Unmanaged<StreamReply>.fromOpaque(context).release()
}

/// MHD_CONTENT_READER_END_OF_STREAM and MHD_CONTENT_READER_END_WITH_ERROR, casts that Swift does
/// not import.
private let mhdStreamEnd = -1
private let mhdStreamError = -2
