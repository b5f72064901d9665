internal import ArgumentParser
internal import Dispatch
internal import Foundation
internal import HTTPServer
internal import Synchronization

/// A teacher that gives every prompt the same long answer, and counts what it was paid for.
struct Serve: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Serve a chat teacher; its address is the first line, GET /counts its books.")

  @Option(help: "Tokens of an answer.")
  var tokens = 64

  @Option(help: "Candidates of a token.")
  var candidates = 20

  @Option(help: "Milliseconds that an answer takes.")
  var latency = 0

  @Option(help: "Share of requests that go wrong, 0 to 1.")
  var faults = 0.0

  @Option(help: "Of the faults.")
  var seed: UInt64 = 1

  func run() throws {
    var configuration = HTTPServerConfiguration()
    configuration.threadCount = 1
    configuration.connectionsMax = 2000
    configuration.connectionsPerAddressMax = 2000
    let teacher = LoopbackTeacher(
      reply: LoopbackTeacher.reply(tokens: tokens, candidates: candidates), latency: latency,
      faults: faults, seed: seed)
    let server = try HTTPServer(configuration: configuration, handler: teacher.answer)
    print("http://127.0.0.1:\(server.port)/v1")
    fflush(nil)
    withExtendedLifetime(server) { dispatchMain() }
  }
}

/// What the server does.
final class LoopbackTeacher: Sendable {
  private struct Books {
    /// Good replies, by prompt.
    var paid: [String: Int] = [:]
    var requests = 0
    /// Requests that nobody will ever answer.
    var hanging: [HTTPExchange] = []
  }

  private let reply: [UInt8]
  private let late: LateResponses?
  private let faults: Double
  private let seed: UInt64
  private let books = Mutex(Books())

  init(reply: [UInt8], latency: Int, faults: Double, seed: UInt64) {
    self.reply = reply
    late = latency > 0 ? LateResponses(milliseconds: latency) : nil
    self.faults = faults
    self.seed = seed
  }

  /// A chat reply with log-probabilities, as vLLM and OpenAI write it.
  static func reply(tokens: Int, candidates: Int) -> [UInt8] {
    let entries = (0..<tokens).map { token -> String in
      let top = (0..<candidates).map { rank -> String in
        let word = rank == 0 ? " word\(token % 10)" : " other\(rank)"
        let bytes = word.utf8.map { "\($0)" }.joined(separator: ",")
        let logprob = -0.75 - 0.8137462 * Double(rank)
        return #"{"token":"\#(word)","logprob":\#(logprob),"bytes":[\#(bytes)]}"#
      }
      return String(top[0].dropLast()) + #","top_logprobs":[\#(top.joined(separator: ","))]}"#
    }
    let text = (0..<tokens).map { " word\($0 % 10)" }.joined()
    return Array(
      (#"{"id":"c","object":"chat.completion","model":"loopback","choices":[{"index":0,"message":"#
        + #"{"role":"assistant","content":"\#(text)"},"logprobs":{"content":["#
        + entries.joined(separator: ",")
        + #"]},"finish_reason":"length"}],"usage":{"prompt_tokens":12,"completion_tokens":"#
        + "\(tokens)}}").utf8)
  }

  func answer(_ request: HTTPRequest, _ exchange: HTTPExchange) {
    guard request.method == "POST" else { return exchange.respond(counts()) }
    let prompt = Self.prompt(request.body)
    let number = books.withLock { books in
      books.requests += 1
      return books.requests
    }
    let response = misfortune(number, exchange) ?? good(prompt)
    guard let response else { return }
    if let late { late.respond(response, to: exchange) } else { exchange.respond(response) }
  }

  private func good(_ prompt: String) -> HTTPResponse {
    books.withLock { $0.paid[prompt, default: 0] += 1 }
    return HTTPResponse(status: 200, headers: [("Content-Type", "application/json")], bytes: reply)
  }

  /// Another reply than a good one; nil for most. One that hangs is kept and never answered.
  private func misfortune(_ number: Int, _ exchange: HTTPExchange) -> HTTPResponse?? {
    guard faults > 0 else { return nil }
    var bits = seed &+ UInt64(number) &* 0x9E37_79B9_7F4A_7C15
    bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
    bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
    bits ^= bits >> 31
    guard Double(bits >> 11) * 0x1p-53 < faults else { return nil }
    switch bits % 7 {
    case 0: return HTTPResponse(status: 429, headers: [("Retry-After", "0.1")])
    case 1: return HTTPResponse(status: 500, bytes: Array("<html>".utf8))
    case 2: return HTTPResponse(status: 503)
    case 3: return HTTPResponse(status: 200, bytes: Array(reply.prefix(reply.count / 2)))
    case 4: return HTTPResponse(status: 200, bytes: [0, 1, 2, 255])
    case 5:
      return HTTPResponse(
        status: 200,
        bytes: Array(
          #"{"choices":[{"message":{"content":"a"},"logprobs":{"content":[{"token":"a","logprob":-1,"top_logprobs":[]}]}}]}"#
            .utf8))
    default:
      books.withLock { $0.hanging.append(exchange) }
      return .some(nil)
    }
  }

  private func counts() -> HTTPResponse {
    let text = books.withLock { books in
      let repeated = books.paid.values.reduce(0) { $0 + $1 - 1 }
      return
        #"{"requests":\#(books.requests),"prompts":\#(books.paid.count),"repeated":\#(repeated)}"#
    }
    return HTTPResponse(
      status: 200, headers: [("Content-Type", "application/json")], bytes: Array(text.utf8))
  }

  /// The last message's content; prompts of the benchmark have no escapes.
  private static func prompt(_ body: [UInt8]) -> String {
    let mark = Array(#""content":""#.utf8)
    guard let start = body.firstRange(of: mark)?.upperBound,
      let end = body[start...].firstIndex(of: UInt8(ascii: "\""))
    else { return "" }
    return String(decoding: body[start..<end], as: UTF8.self)
  }
}

/// Responses that leave some time after they were asked for.
///
/// One thread sees to all of them. A timer each would cost more processor time than the rest of an
/// answer, which the collector on the same cores would lack.
private final class LateResponses: Sendable {
  private struct Late {
    /// In nanoseconds of the system's uptime.
    let due: UInt64
    let response: HTTPResponse
    let exchange: HTTPExchange
  }

  private let nanoseconds: UInt64
  /// In the order in which they are due, since all take as long.
  private let line = Mutex([Late]())
  private let news = DispatchSemaphore(value: 0)

  init(milliseconds: Int) {
    nanoseconds = UInt64(milliseconds) * 1_000_000
    Thread { [self] in run() }.start()
  }

  func respond(_ response: HTTPResponse, to exchange: HTTPExchange) {
    let due = DispatchTime.now().uptimeNanoseconds + nanoseconds
    let isFirst = line.withLock { line in
      line.append(Late(due: due, response: response, exchange: exchange))
      return line.count == 1
    }
    if isFirst { news.signal() }
  }

  private func run() {
    while true {
      let now = DispatchTime.now().uptimeNanoseconds
      let (ready, next) = line.withLock { line in
        let ready = Array(line.prefix { $0.due <= now })
        line.removeFirst(ready.count)
        return (ready, line.first?.due)
      }
      for late in ready { late.exchange.respond(late.response) }
      guard ready.isEmpty else { continue }
      if let next { usleep(UInt32((next - now) / 1000 + 1)) } else { news.wait() }
    }
  }
}
