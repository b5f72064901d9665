/// A request that the server answers itself, without asking the handler.
///
/// The connection closes after the reply: where a request ends is no longer certain.
enum Refusal: Error, Equatable {
  case malformed(String)
  case badTarget(String)
  case bodyTooLarge(limitBytes: Int)
  case headTooLarge(limitBytes: Int)
  case transferCodingUnknown
  case versionUnknown
  case brokenReply
  case stopping

  var status: Int {
    switch self {
    case .malformed, .badTarget: 400
    case .bodyTooLarge: 413
    case .headTooLarge: 431
    case .transferCodingUnknown: 501
    case .versionUnknown: 505
    case .brokenReply: 500
    case .stopping: 503
    }
  }

  private var title: String {
    switch self {
    case .malformed, .badTarget: "Bad Request"
    case .bodyTooLarge: "Content Too Large"
    case .headTooLarge: "Request Header Fields Too Large"
    case .transferCodingUnknown: "Not Implemented"
    case .versionUnknown: "HTTP Version Not Supported"
    case .brokenReply: "Internal Server Error"
    case .stopping: "Service Unavailable"
    }
  }

  private var detail: String {
    switch self {
    case .malformed(let reason): "The request is not HTTP/1.1 as RFC 9112 has it: \(reason)."
    case .badTarget(let reason): "The request target is malformed: \(reason)."
    case .bodyTooLarge(let limit): "The body must not exceed \(limit) bytes."
    case .headTooLarge(let limit): "The request line and headers must not exceed \(limit) bytes."
    case .transferCodingUnknown: "The only Transfer-Encoding understood is chunked."
    case .versionUnknown: "Use HTTP/1.1 or HTTP/1.0."
    case .brokenReply: "The handler made a reply that HTTP cannot carry."
    case .stopping: "The server is stopping. Try again shortly."
    }
  }

  /// An RFC 9457 problem. The texts above are ours and need no escaping in JSON.
  var response: HTTPResponse {
    let json = """
      {"type":"about:blank","title":"\(title)","status":\(status),"detail":"\(detail)"}

      """
    var headers = [
      (name: "Content-Type", value: "application/problem+json"),
      (name: "Connection", value: "close"),
    ]
    if self == .stopping { headers.append((name: "Retry-After", value: "1")) }
    return HTTPResponse(status: status, headers: headers, bytes: Array(json.utf8))
  }
}
