internal import Foundation
package import HTTPClient
internal import Traces

/// Finds out what a hosted teacher can do, with half a dozen short requests.
package struct TeacherProbe {
  /// Many continuations are likely, so that the candidates tell something.
  private static let prompt = "Write one short sentence about the sea."

  private let endpoint: HostedEndpoint
  private let key: String?
  private let client: HTTPClient
  /// Waits, when a server asks for that.
  private let pause: (_ seconds: Double) -> Void

  /// - Parameter key: goes into requests only.
  package init(
    _ endpoint: HostedEndpoint, key: String?, client: HTTPClient = HTTPClient(),
    pause: @escaping (_ seconds: Double) -> Void = { Thread.sleep(forTimeInterval: $0) }
  ) {
    self.endpoint = endpoint
    self.key = key
    self.client = client
    self.pause = pause
  }

  /// Asks the teacher.
  ///
  /// - Parameter topK: candidates that a collection would ask for.
  /// - Throws: when it does not answer at all. What it cannot do is in the result.
  package func run(topK: Int) throws(HostedTeacherError) -> TeacherCapabilities {
    var found = TeacherCapabilities(of: endpoint)
    if endpoint.provider.isKnownToForbidTraining {
      found.remarks.append(
        "\(endpoint.provider.rawValue)'s terms are known to forbid training other models on its "
          + "answers")
    }
    guard let first = try firstReply(topK: topK, &found) else { return found }
    describe(first, &found)
    guard found.logprobs else { return found }
    compareGreedy(first, &found)
    compareTemperatures(&found)
    if endpoint.api == .completions { tryEcho(&found) }
    tryStream(&found)
    return found
  }

  /// The models that the endpoint lists; none when it does not say.
  package func models() -> [String] {
    var request = HTTPClient.Request("GET", endpoint.modelsURL)
    if let key { request.headers = [(name: "Authorization", value: "Bearer \(key)")] }
    request.secondsMax = 15
    struct List: Decodable {
      struct Model: Decodable { let id: String }
      let data: [Model]
    }
    guard let reply = try? client.send(request), reply.status == 200,
      let list = try? JSONDecoder().decode(List.self, from: Data(reply.body))
    else { return [] }
    return list.data.map(\.id).sorted()
  }

  // MARK: - Requests

  /// The first reply with as many candidates as the teacher accepts, at most `topK`.
  ///
  /// - Returns: nil when it refuses log-probabilities; the reason is in `found`.
  private func firstReply(
    topK: Int, _ found: inout TeacherCapabilities
  ) throws(HostedTeacherError) -> HostedReply? {
    var reason = ""
    for count in Set([topK, 20, 5, 1]).filter({ $0 <= topK }).sorted(by: >) {
      let start = Date()
      do throws(RequestFault) {
        let reply = try ask(topK: count, temperature: 1, &found)
        found.latencySeconds = Date().timeIntervalSince(start)
        found.topLogprobsAsked = count
        return reply
      } catch {
        switch error {
        case .fatal(.notFound(let url, let model, _)):
          throw .notFound(url: url, model: model, models: Array(models().prefix(30)))
        case .fatal(let error): throw error
        case .overloaded(let why, _): throw .unavailable(why)
        case .poison(let why), .unusable(let why): reason = why
        }
      }
    }
    found.remarks.append(reason)
    return nil
  }

  private func ask(
    topK: Int, temperature: Double, purpose: HostedQuestion.Purpose = .answer,
    isStreamed: Bool = false, _ found: inout TeacherCapabilities
  ) throws(RequestFault) -> HostedReply {
    var question = HostedQuestion()
    question.topK = topK
    question.temperature = temperature
    question.maxTokens = 16
    question.seed = 1
    question.purpose = purpose
    question.isStreamed = isStreamed
    var attempt = 1
    while true {
      do throws(RequestFault) {
        return try reply(to: question, &found)
      } catch {
        guard case .overloaded(_, let wait) = error, attempt < 4 else { throw error }
        pause(min(20, wait ?? Double(attempt)))
        attempt += 1
      }
    }
  }

  private func reply(
    to question: HostedQuestion, _ found: inout TeacherCapabilities
  ) throws(RequestFault) -> HostedReply {
    let response: HTTPClient.Response
    do {
      var request = try question.request(
        Self.prompt, of: endpoint, key: key, idempotencyKey: UUID().uuidString)
      request.silentSecondsMax = 120
      response = try client.send(request)
    } catch let error as HTTPClientError {
      throw RequestFault(error)
    } catch {
      throw .poison(reason: "\(error)")
    }
    guard (200..<300).contains(response.status) else {
      var said = (try? HostedReply(reading: response.body))?.fault ?? HostedReply.Fault()
      if let key { said.message = said.message.replacingOccurrences(of: key, with: "[key]") }
      said.message = String(said.message.prefix(300))
      throw RequestFault(
        status: response.status, said: said,
        retryAfter: RetryAfter.seconds(response, now: Date().timeIntervalSince1970),
        endpoint: endpoint) ?? .unusable(reason: "status \(response.status)")
    }
    let reply = try HostedReply.read(response, isStreamed: question.isStreamed)
    found.promptTokens += reply.promptTokens ?? 0
    found.completionTokens += reply.completionTokens ?? 0
    if let fault = reply.fault {
      throw RequestFault(
        status: fault.status ?? 502, said: fault, retryAfter: nil, endpoint: endpoint)
        ?? .unusable(reason: fault.message)
    }
    return reply
  }

  // MARK: - Findings

  private func describe(_ reply: HostedReply, _ found: inout TeacherCapabilities) {
    found.answeredAs = reply.model
    found.fingerprint = reply.fingerprint
    found.usage = reply.completionTokens != nil
    found.tokenBytes = reply.givesBytes
    found.tokenIDs = reply.givesIDs
    let listed = reply.tokens.filter { !$0.candidates.isEmpty }
    found.logprobs = !listed.isEmpty
    guard found.logprobs else {
      found.remarks.append(
        reply.hasReasoning
          ? "it thinks before it answers, and thoughts have no log-probabilities"
          : "it accepts logprobs, and returns none")
      return
    }
    let real = listed.map { token in
      reply.candidates(at: token).filter { $0.logprob > HostedReply.sentinel }
    }
    found.sentinels = zip(listed, real).contains { $0.candidates.count > $1.count }
    found.topLogprobs = real.map(\.count).max() ?? 0
    found.onlySentinels = found.sentinels && found.topLogprobs < 2
    found.sampledIsListed = listed.allSatisfy { token in
      reply.candidates(at: token).contains {
        $0.id == token.id && reply.bytes(of: $0.text) == reply.bytes(of: token.text)
      }
    }
    if listed.count < reply.tokens.count {
      found.remarks.append(
        "\(reply.tokens.count - listed.count) of \(reply.tokens.count) positions have no candidates"
      )
    }
    if !found.tokenBytes {
      found.remarks.append(
        "tokens come as text without bytes: parts of characters are told from the text")
    }
  }

  private func compareGreedy(_ reply: HostedReply, _ found: inout TeacherCapabilities) {
    let topK = found.topLogprobsAsked
    guard let one = try? ask(topK: topK, temperature: 0, &found),
      let other = try? ask(topK: topK, temperature: 0, &found)
    else { return }
    found.isRepeatable = one.text == other.text
  }

  /// Gaps between candidates of the first token halve at temperature 2 if it comes before.
  private func compareTemperatures(_ found: inout TeacherCapabilities) {
    let topK = found.topLogprobsAsked
    guard let cold = try? ask(topK: topK, temperature: 1, &found),
      let hot = try? ask(topK: topK, temperature: 2, &found),
      let coldToken = cold.tokens.first, let hotToken = hot.tokens.first
    else { return }
    /// The same candidate in the hot reply.
    func twin(of candidate: HostedReply.Candidate) -> HostedReply.Candidate? {
      hot.candidates(at: hotToken).first {
        $0.id == candidate.id && hot.bytes(of: $0.text) == cold.bytes(of: candidate.text)
          && $0.logprob > HostedReply.sentinel
      }
    }
    guard let top = cold.candidates(at: coldToken).first, let hotTop = twin(of: top) else { return }
    var gaps: [(cold: Double, hot: Double)] = []
    for candidate in cold.candidates(at: coldToken).dropFirst()
    where candidate.logprob > HostedReply.sentinel {
      guard let same = twin(of: candidate) else { continue }
      gaps.append((top.logprob - candidate.logprob, hotTop.logprob - same.logprob))
    }
    let coldSum = gaps.reduce(0) { $0 + $1.cold }
    guard coldSum > 0.5 else { return }
    found.afterTemperature = gaps.reduce(0) { $0 + $1.hot } / coldSum < 0.75
  }

  private func tryEcho(_ found: inout TeacherCapabilities) {
    let topK = found.topLogprobsAsked
    do throws(RequestFault) {
      let reply = try ask(topK: topK, temperature: 1, purpose: .score, &found)
      let capture = try reply.capture(
        id: 0, prompt: Self.prompt, purpose: .score, topK: topK, endpoint: endpoint,
        latencySeconds: 0)
      found.scoresPrompts = capture.tokens.promptCount > 1
    } catch {
      found.scoresPrompts = false
    }
  }

  private func tryStream(_ found: inout TeacherCapabilities) {
    let topK = found.topLogprobsAsked
    do throws(RequestFault) {
      let reply = try ask(topK: topK, temperature: 1, isStreamed: true, &found)
      found.streams = reply.tokens.contains { !$0.candidates.isEmpty }
    } catch {
      found.streams = false
    }
  }
}
