internal import HTTPClient

/// Why a request brought nothing that can be stored, and what follows from that.
package enum RequestFault: Error, Equatable, Sendable {
  /// The teacher or the way to it is at fault: the prompt is asked again, later, and fewer are asked
  /// at a time.
  case overloaded(reason: String, retryAfter: Double?)
  /// The reply is unusable: the prompt is asked again a few times, then given up.
  case unusable(reason: String)
  /// The prompt is at fault: it is given up at once.
  case poison(reason: String)
  /// Nothing that could be asked would be answered.
  case fatal(HostedTeacherError)

  /// A few words, also for the poison list.
  package var reason: String {
    switch self {
    case .overloaded(let reason, _), .unusable(let reason), .poison(let reason): reason
    case .fatal(let error): "\(error)"
    }
  }
}

extension RequestFault {
  /// What a request that was never answered means.
  init(_ error: HTTPClientError) {
    switch error {
    case .badURL(let url): self = .fatal(.badEndpoint("\(url) is not an address"))
    case .tls(let url, let reason):
      self = .fatal(.badEndpoint("no secure connection to \(url): \(reason)"))
    case .unreachable(_, let reason):
      self = .overloaded(reason: "not reached: \(reason)", retryAfter: nil)
    case .timedOut(_, let reason):
      self = .overloaded(reason: "no answer in time: \(reason)", retryAfter: nil)
    case .broken(_, let reason):
      self = .overloaded(reason: "the connection broke off: \(reason)", retryAfter: nil)
    case .tooLarge(_, let limit):
      self = .poison(reason: "the reply exceeds \(limit) bytes")
    }
  }

  /// What a status other than 2xx means; nil for those.
  ///
  /// - Parameters:
  ///   - said: the server's words, from which the key was taken out.
  ///   - retryAfter: seconds for which the server asks to be left alone.
  init?(
    status: Int, said: HostedReply.Fault, retryAfter: Double?, endpoint: HostedEndpoint
  ) {
    let words = said.message.isEmpty ? "status \(status)" : "status \(status): \(said.message)"
    switch status {
    case 200..<300: return nil
    case 401, 403:
      // Not in the server's words, which may repeat the key.
      self = .fatal(.keyRefused(variable: endpoint.keyVariable, status: status))
    case 402: self = .fatal(.outOfCredit(words))
    case 404: self = .fatal(.notFound(url: endpoint.url, model: endpoint.model, models: []))
    case 405, 300..<400:
      self = .fatal(.badEndpoint("\(endpoint.url) answers \(words): is base_url right?"))
    case 429 where said.kind == "insufficient_quota": self = .fatal(.outOfCredit(words))
    case 408, 409, 425, 429, 500...:
      self = .overloaded(reason: words, retryAfter: retryAfter)
    default: self = .poison(reason: words)
    }
  }
}
