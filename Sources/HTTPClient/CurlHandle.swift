internal import CCurl
internal import Foundation

/// One libcurl easy handle: at most one request at a time, connections kept open between them.
// Sendable: a handle may move between threads, only not be used by two at once, and its one owner
// sees to that.
struct CurlHandle: ~Copyable, @unchecked Sendable {
  private let handle: UnsafeMutableRawPointer

  struct Outcome {
    var code: CURLcode
    var reason: String
    var status: Int
  }

  /// Once per process, and thread-safe as every static constant.
  private static let isReady: Bool = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

  init() {
    precondition(Self.isReady, "libcurl must initialise")
    guard let handle = curl_easy_init() else { preconditionFailure("out of memory") }
    self.handle = handle
  }

  deinit { curl_easy_cleanup(handle) }

  func perform(
    _ request: HTTPClient.Request, _ transfer: Transfer, host: String
  ) -> Outcome {
    curl_easy_reset(handle)
    setTarget(request, host: host)
    setLimits(request)
    let headers = HeaderList(request.headers)
    curl_shim_set_pointer(handle, CURLOPT_HTTPHEADER, headers.first)
    let context = Unmanaged.passUnretained(transfer).toOpaque()
    curl_shim_set_receiver(handle, CURLOPT_HEADERFUNCTION, receiveHeaderLine)
    curl_shim_set_pointer(handle, CURLOPT_HEADERDATA, context)
    curl_shim_set_receiver(handle, CURLOPT_WRITEFUNCTION, receiveBody)
    curl_shim_set_pointer(handle, CURLOPT_WRITEDATA, context)
    return withExtendedLifetime(transfer) { performWithBody(request.body) }
  }

  private func setTarget(_ request: HTTPClient.Request, host: String) {
    curl_shim_set_pointer(handle, CURLOPT_URL, request.url)
    curl_shim_set_pointer(handle, CURLOPT_PROTOCOLS_STR, "http,https")
    curl_shim_set_pointer(handle, CURLOPT_USERAGENT, "bitnet")
    if ["localhost", "127.0.0.1", "::1", "[::1]"].contains(host) {
      curl_shim_set_pointer(handle, CURLOPT_PROXY, "")
    }
    if request.method == "HEAD" {
      curl_shim_set_long(handle, CURLOPT_NOBODY, 1)
    } else {
      curl_shim_set_pointer(handle, CURLOPT_CUSTOMREQUEST, request.method)
    }
  }

  private func setLimits(_ request: HTTPClient.Request) {
    // Without it, name resolution times out by a signal, which hits any thread.
    curl_shim_set_long(handle, CURLOPT_NOSIGNAL, 1)
    curl_shim_set_long(handle, CURLOPT_CONNECTTIMEOUT, request.connectSecondsMax)
    curl_shim_set_long(handle, CURLOPT_TIMEOUT, request.secondsMax ?? 0)
    curl_shim_set_long(handle, CURLOPT_LOW_SPEED_LIMIT, 1)
    curl_shim_set_long(handle, CURLOPT_LOW_SPEED_TIME, request.silentSecondsMax)
  }

  /// libcurl reads body and error text where they lie, during this call only.
  private func performWithBody(_ body: [UInt8]?) -> Outcome {
    withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(CURL_ERROR_SIZE)) { text in
      text.initialize(repeating: 0)
      curl_shim_set_pointer(handle, CURLOPT_ERRORBUFFER, text.baseAddress)
      let code = (body ?? []).withUnsafeBytes { bytes in
        if body != nil {
          curl_shim_set_offset(handle, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(bytes.count))
          curl_shim_set_pointer(handle, CURLOPT_POSTFIELDS, bytes.baseAddress ?? emptyBody)
        }
        return curl_easy_perform(handle)
      }
      curl_shim_set_pointer(handle, CURLOPT_ERRORBUFFER, nil)
      var status = 0
      curl_shim_get_long(handle, CURLINFO_RESPONSE_CODE, &status)
      var reason = text.baseAddress.map { String(cString: $0) } ?? ""
      if reason.isEmpty { reason = String(cString: curl_easy_strerror(code)) }
      return Outcome(code: code, reason: reason, status: status)
    }
  }
}

/// A body of no bytes still needs an address, or libcurl would read one from standard input.
// Safe to share: never written.
nonisolated(unsafe) private let emptyBody = UnsafeRawPointer(
  UnsafeMutableRawPointer.allocate(byteCount: 1, alignment: 1))

/// A `curl_slist`, freed when its owner goes away.
private struct HeaderList: ~Copyable {
  private(set) var first: UnsafeMutablePointer<curl_slist>?

  init(_ headers: [(name: String, value: String)]) {
    // Otherwise a larger body waits a second for a 100 that many servers do not send.
    first = curl_slist_append(nil, "Expect:")
    for (name, value) in headers {
      // libcurl sends a header without a value only when it ends with a semicolon.
      let line = value.isEmpty ? "\(name);" : "\(name): \(value)"
      first = curl_slist_append(first, line)
    }
  }

  deinit { curl_slist_free_all(first) }
}

private func receiveHeaderLine(
  bytes: UnsafeMutablePointer<CChar>?, size: Int, count: Int, context: UnsafeMutableRawPointer?
) -> Int {
  guard let bytes, let context else { return 0 }
  let line = UnsafeRawBufferPointer(start: bytes, count: size * count)
  Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue().receiveHeaderLine(line)
  return line.count
}

/// Another number than it was given ends the transfer.
private func receiveBody(
  bytes: UnsafeMutablePointer<CChar>?, size: Int, count: Int, context: UnsafeMutableRawPointer?
) -> Int {
  guard let bytes, let context else { return 0 }
  let part = UnsafeRawBufferPointer(start: bytes, count: size * count)
  let transfer = Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
  return transfer.receiveBody(part) == .goOn ? part.count : -1
}
