internal import CZlib
internal import HTTPServer

extension HTTPResponse {
  /// Below this many bytes the client reads the answer sooner than it unpacks it.
  private static let compressedBytesMin = 4096

  /// This answer, packed where the client takes that and it pays.
  ///
  /// Files are sent by the kernel as they are, and event streams are never held back for a packer.
  func compressed(for request: HTTPRequest) -> HTTPResponse {
    guard case .bytes(let bytes) = body, bytes.count >= Self.compressedBytesMin,
      request.acceptsGzip, let packed = gzip(bytes), packed.count < bytes.count
    else { return self }
    var response = HTTPResponse(status: status, headers: headers, bytes: packed)
    for (index, header) in headers.enumerated() where header.name == "ETag" {
      // Other bytes, same content: that is what weak tags are for (RFC 9110, 8.8.1).
      response.headers[index].value = "W/" + header.value
    }
    response.headers += [("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding")]
    return response
  }
}

extension HTTPRequest {
  /// Whether `Accept-Encoding` names gzip without refusing it.
  fileprivate var acceptsGzip: Bool {
    guard let header = headers["accept-encoding"] else { return false }
    return header.lowercased().split(separator: ",").contains { item in
      let parts = item.split(separator: ";").map { $0.filter { $0 != " " } }
      return parts.first == "gzip" && !["q=0", "q=0.0", "q=0.00", "q=0.000"].contains(parts.last)
    }
  }
}

/// The bytes as a gzip stream; nil when zlib fails, or is not there.
private func gzip(_ bytes: [UInt8]) -> [UInt8]? {
  var stream = z_stream()
  // Level 1 packs JSON to a fifth at several hundred megabytes a second.
  guard zlib_shim_begin_gzip(&stream, 1) == Z_OK else { return nil }
  defer { deflateEnd(&stream) }
  var input = bytes
  return input.withUnsafeMutableBufferPointer { input -> [UInt8]? in
    let capacity = Int(deflateBound(&stream, UInt(input.count)))
    var isWhole = false
    let packed = [UInt8](unsafeUninitializedCapacity: capacity) { output, count in
      stream.next_in = input.baseAddress
      stream.avail_in = UInt32(input.count)
      stream.next_out = output.baseAddress
      stream.avail_out = UInt32(capacity)
      isWhole = deflate(&stream, Z_FINISH) == Z_STREAM_END
      count = capacity - Int(stream.avail_out)
    }
    return isWhole ? packed : nil
  }
}
