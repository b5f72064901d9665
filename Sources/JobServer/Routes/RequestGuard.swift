// Who may ask, and from where (API, "Authentication").
//
// Without a token the daemon answers loopback clients, which includes every page in a browser on
// this machine. Three rules keep such a page out: the Host must be a name of this daemon (a page
// that rebinds its own name to 127.0.0.1 still sends that name); a request that changes something
// must not come from another origin; and its body must be application/json, which no form sends.
// There are no CORS headers, so that a page cannot read what it gets.

internal import Crypto
internal import Foundation
internal import HTTPServer
internal import JobAPI
internal import Jobs

/// Refuses requests by their headers alone.
struct RequestGuard: Sendable {
  private let tokenHash: Data?
  private let hostNames: Set<String>

  /// - Parameters:
  ///   - tokenHash: SHA-256 of the token; nil asks for none.
  ///   - hostNames: accepted beside the loopback names; only looked at without a token.
  init(tokenHash: Data?, hostNames: Set<String>) {
    self.tokenHash = tokenHash
    self.hostNames = Set(hostNames.map { $0.lowercased() })
  }

  /// Refuses a host name that is not this daemon's.
  func checkHost(_ request: HTTPRequest) throws(Problem) {
    // A page cannot know the token, so with one the name does not matter.
    guard tokenHash == nil, let host = request.headers["host"] else { return }
    let name = Self.hostName(host)
    if Self.isLoopback(name) || hostNames.contains(name) { return }
    throw ProblemKind.misdirectedRequest.problem(
      "the Host header must name localhost or this daemon's address")
  }

  /// Refuses what the operation does not allow this client.
  func check(_ request: HTTPRequest, for operation: APIOperation) throws(Problem) {
    let access = operation.description.access
    if access != .everyone { try checkToken(request) }
    if access == .submit {
      try checkOrigin(request)
      try checkMediaType(request)
    }
  }

  private func checkToken(_ request: HTTPRequest) throws(Problem) {
    guard let tokenHash else { return }
    let words = (request.headers["authorization"] ?? "").split(separator: " ")
    guard words.count == 2, words[0].lowercased() == "bearer",
      Self.isEqual(Data(SHA256.hash(data: Data(words[1].utf8))), tokenHash)
    else {
      throw ProblemKind.unauthorized.problem("send the header \"Authorization: Bearer TOKEN\"")
    }
  }

  /// Compares two hashes in a time that does not depend on where they differ.
  private static func isEqual(_ first: Data, _ second: Data) -> Bool {
    guard first.count == second.count else { return false }
    return zip(first, second).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
  }

  private func checkOrigin(_ request: HTTPRequest) throws(Problem) {
    let site = request.headers["sec-fetch-site"]
    let isForeignSite = site.map { $0 != "same-origin" && $0 != "none" } ?? false
    let host = request.headers["host"]?.lowercased()
    let isForeignOrigin =
      request.headers["origin"].map { origin in
        // "null" is what sandboxed pages and files send.
        let authority = origin.lowercased().split(separator: "/").last.map(String.init)
        return authority == nil || authority != host
      } ?? false
    if isForeignSite || isForeignOrigin {
      throw ProblemKind.crossOrigin.problem("the request comes from a page of another origin")
    }
  }

  private func checkMediaType(_ request: HTTPRequest) throws(Problem) {
    guard let type = request.headers["content-type"] else {
      if request.body.isEmpty { return }
      throw ProblemKind.unsupportedMediaType.problem(
        "send the header \"Content-Type: application/json\"")
    }
    let essence = type.split(separator: ";").first?.trimmingCharacters(in: .whitespaces)
    guard essence?.lowercased() == "application/json" else {
      throw ProblemKind.unsupportedMediaType.problem(
        "the body must be application/json")
    }
  }

  /// The name in `name:port`, `[v6]:port` or `name`, in lower case.
  static func hostName(_ host: String) -> String {
    let host = host.lowercased()
    if host.hasPrefix("["), let end = host.firstIndex(of: "]") {
      return String(host[host.index(after: host.startIndex)..<end])
    }
    return host.split(separator: ":", omittingEmptySubsequences: false).first.map(String.init)
      ?? host
  }

  private static func isLoopback(_ name: String) -> Bool {
    if name == "localhost" || name == "::1" { return true }
    let numbers = name.split(separator: ".", omittingEmptySubsequences: false)
    return numbers.count == 4 && numbers[0] == "127" && numbers.allSatisfy { UInt8($0) != nil }
  }
}
