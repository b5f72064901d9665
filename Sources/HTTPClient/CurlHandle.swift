internal import CCurl
internal import Foundation

/// One libcurl easy handle: at most one request at a time, connections kept open between them.
// Sendable: a handle may move between threads, only not be used by two at once, and its one owner
// sees to that.
struct CurlHandle: ~Copyable, @unchecked Sendable {
  let handle: UnsafeMutableRawPointer
  /// Where libcurl writes why a request failed.
  private let reason: UnsafeMutablePointer<CChar>
  /// Those of the last request, which libcurl reads where they lie.
  private var headers: UnsafeMutablePointer<curl_slist>?

  struct Outcome {
    var code: CURLcode
    var reason: String
    var status: Int
  }

  /// Whether libcurl keeps a body itself or reads the caller's bytes where they lie.
  enum BodyStorage { case copied, borrowed }

  /// Once per process, and thread-safe as every static constant.
  private static let isReady: Bool = curl_global_init(Int(CURL_GLOBAL_DEFAULT)) == CURLE_OK

  init() {
    precondition(Self.isReady, "libcurl must initialise")
    guard let handle = curl_easy_init() else { preconditionFailure("out of memory") }
    self.handle = handle
    reason = .allocate(capacity: Int(CURL_ERROR_SIZE))
    reason.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
  }

  deinit {
    curl_easy_cleanup(handle)
    curl_slist_free_all(headers)
    reason.deallocate()
  }

  /// Sends a request and receives its reply.
  mutating func perform(
    _ request: HTTPClient.Request, _ transfer: Transfer, host: String
  ) -> Outcome {
    prepare(request, transfer, host: host)
    return withExtendedLifetime(transfer) {
      (request.body ?? []).withUnsafeBytes { bytes in
        if request.body != nil { setBody(bytes, .borrowed) }
        return outcome(curl_easy_perform(handle))
      }
    }
  }

  /// Sets all of a request but its body.
  ///
  /// - Parameter transfer: must live until the request has ended.
  mutating func prepare(_ request: HTTPClient.Request, _ transfer: Transfer, host: String) {
    curl_easy_reset(handle)
    reason[0] = 0
    curl_shim_set_pointer(handle, CURLOPT_ERRORBUFFER, reason)
    setTarget(request, host: host)
    setLimits(request)
    setHeaders(request.headers)
    let context = Unmanaged.passUnretained(transfer).toOpaque()
    curl_shim_set_receiver(handle, CURLOPT_HEADERFUNCTION, receiveHeaderLine)
    curl_shim_set_pointer(handle, CURLOPT_HEADERDATA, context)
    curl_shim_set_receiver(handle, CURLOPT_WRITEFUNCTION, receiveBody)
    curl_shim_set_pointer(handle, CURLOPT_WRITEDATA, context)
  }

  func setBody(_ bytes: UnsafeRawBufferPointer, _ storage: BodyStorage) {
    curl_shim_set_offset(handle, CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(bytes.count))
    let option = storage == .copied ? CURLOPT_COPYPOSTFIELDS : CURLOPT_POSTFIELDS
    curl_shim_set_pointer(handle, option, bytes.baseAddress ?? emptyBody)
  }

  /// What became of the request that ended with `code`.
  func outcome(_ code: CURLcode) -> Outcome {
    var status = 0
    curl_shim_get_long(handle, CURLINFO_RESPONSE_CODE, &status)
    var text = String(cString: reason)
    if text.isEmpty { text = String(cString: curl_easy_strerror(code)) }
    return Outcome(code: code, reason: text, status: status)
  }

  private func setTarget(_ request: HTTPClient.Request, host: String) {
    curl_shim_set_pointer(handle, CURLOPT_URL, request.url)
    curl_shim_set_pointer(handle, CURLOPT_PROTOCOLS_STR, "http,https")
    curl_shim_set_pointer(handle, CURLOPT_USERAGENT, "bitnet")
    if HTTPClient.isLoopback(host) { curl_shim_set_pointer(handle, CURLOPT_PROXY, "") }
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

  private mutating func setHeaders(_ fields: [(name: String, value: String)]) {
    curl_slist_free_all(headers)
    // Otherwise a larger body waits a second for a 100 that many servers do not send.
    headers = curl_slist_append(nil, "Expect:")
    for (name, value) in fields {
      // libcurl sends a header without a value only when it ends with a semicolon.
      headers = curl_slist_append(headers, value.isEmpty ? "\(name);" : "\(name): \(value)")
    }
    curl_shim_set_pointer(handle, CURLOPT_HTTPHEADER, headers)
  }
}

/// A body of no bytes still needs an address, or libcurl would read one from standard input.
// Safe to share: never written.
nonisolated(unsafe) private let emptyBody = UnsafeRawPointer(
  UnsafeMutableRawPointer.allocate(byteCount: 1, alignment: 1))

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
