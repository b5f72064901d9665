internal import HTTPClient
internal import Jobs

/// Why the program ends without having done what it was asked: a text that says what to do, and
/// the exit status.
struct Failure: Error {
  enum Status: Int32 {
    case jobFailed = 1
    case usage = 2
    case notReached = 3
    case refused = 4
  }

  /// A failure that has been told already.
  struct Silent: Error {
    var status: Status
  }

  var status: Status
  var text: String

  static func usage(_ text: String) -> Failure { Failure(status: .usage, text: "bitnet: \(text)") }

  static func notReached(_ error: HTTPClientError) -> Failure {
    let advice =
      switch error {
      case .unreachable:
        "Start one with `bitnetd serve`, or name another with --url or BITNET_URL."
      case .badURL: "Give --url or BITNET_URL the form http://HOST:PORT."
      case .timedOut, .broken: "Try again; `bitnet health` tells how the server is."
      case .tls: "Check the server's certificate, or use http:// for a server without TLS."
      case .tooLarge: "Ask for less at a time."
      }
    if case .badURL = error { return usage("\(error)\n\(advice)") }
    return Failure(status: .notReached, text: "bitnet: \(error)\n\(advice)")
  }

  /// What answered is not a bitnetd.
  static func foreignReply(_ url: String) -> Failure {
    Failure(
      status: .notReached,
      text: "bitnet: what answers at \(url) is not a bitnetd server\n"
        + "Name the right one with --url or BITNET_URL.")
  }

  /// - Parameter body: the reply's, an RFC 9457 problem if it is from a bitnetd.
  static func refused(status: Int, body: [UInt8], asJSON: Bool) -> Failure {
    let reason = try? JSONValue(parsing: body)
    if let error = reason?["error"], let message = error["message"]?.stringValue {
      // OpenAI's form, which its endpoints have here, too.
      let place = error["param"]?.stringValue.map { "\($0): " } ?? ""
      return Failure(
        status: .refused,
        text: asJSON ? reason?.text ?? "" : "bitnet: \(place)\(message) (\(status))")
    }
    guard let problem = reason, let title = problem["title"]?.stringValue else {
      return Failure(
        status: .refused, text: "bitnet: the server answered \(status) without a reason")
    }
    if asJSON { return Failure(status: .refused, text: problem.text) }
    var lines = ["bitnet: \(title) (\(status))"]
    if let detail = problem["detail"]?.stringValue, detail != title { lines.append(detail) }
    for error in problem["errors"]?.arrayValue ?? [] {
      let pointer = error["pointer"]?.stringValue ?? ""
      lines.append("  \(pointer): \(error["detail"]?.stringValue ?? "")")
    }
    if status == 401 { lines.append("Set BITNET_TOKEN to a token of this server.") }
    return Failure(status: .refused, text: lines.joined(separator: "\n"))
  }
}
