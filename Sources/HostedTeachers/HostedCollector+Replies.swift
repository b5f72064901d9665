internal import Checkpoints
internal import Foundation
internal import HTTPClient
internal import Traces

// What becomes of a prompt that was answered, or not.
extension HostedCollector {
  func handle(
    _ id: Int, _ flight: Flight, _ result: Result<HTTPClient.Response, HTTPClientError>
  ) throws {
    var billed = HostedSpend()
    let capture: Capture
    do throws(RequestFault) {
      capture = try read(id, flight, result, billed: &billed)
    } catch {
      return try failed(id, flight, error, billed: billed)
    }
    try journal.store(capture)
    succeeded(flight, capture)
    try judgeSuspects()
    try done(id)
  }

  private func read(
    _ id: Int, _ flight: Flight, _ result: Result<HTTPClient.Response, HTTPClientError>,
    billed: inout HostedSpend
  ) throws(RequestFault) -> Capture {
    let response: HTTPClient.Response
    switch result {
    case .success(let reply): response = reply
    case .failure(let error): throw RequestFault(error)
    }
    guard (200..<300).contains(response.status) else {
      var said = (try? HostedReply(reading: response.body))?.fault ?? HostedReply.Fault()
      said.message = cleaned(said.message)
      throw RequestFault(
        status: response.status, said: said,
        retryAfter: RetryAfter.seconds(response, now: clock.secondsSince1970()), endpoint: endpoint)
        ?? .unusable(reason: "status \(response.status)")
    }
    var reply = try HostedReply.read(response, isStreamed: options.question.isStreamed)
    if let fault = reply.fault { reply.fault?.message = cleaned(fault.message) }
    billed.promptTokens = reply.promptTokens ?? 0
    billed.completionTokens = reply.completionTokens ?? 0
    return try reply.capture(
      id: Int64(id), prompt: flight.prompt, purpose: options.question.purpose,
      topK: options.question.topK, endpoint: endpoint,
      latencySeconds: clock.now() - flight.startedAt)
  }

  /// Without the key, and short.
  private func cleaned(_ words: String) -> String {
    let safe = key.map { words.replacingOccurrences(of: $0, with: "[key]") } ?? words
    return String(safe.prefix(300))
  }

  private func succeeded(_ flight: Flight, _ capture: Capture) {
    successes += 1
    faultsInARow = 0
    lastSuccess = clock.now()
    limit.succeeded(inFlight: flights.count + 1)
    let answered = capture.completionTokens ?? capture.tokens.count
    tokensThisRun += answered
    if let tokens = capture.promptTokens {
      estimate.learn(bytes: flight.prompt.utf8.count, tokens: tokens)
      // What was held back and not needed.
      tokenRate?.take(Double(tokens + answered - flight.reserved.tokens))
    }
  }

  private func failed(
    _ id: Int, _ flight: Flight, _ fault: RequestFault, billed: HostedSpend
  ) throws {
    switch fault {
    case .fatal(let error):
      try journal.failed(Int64(id), fault.reason, billed: billed)
      queue.askAgain(id, at: clock.now())
      throw error
    case .poison(let reason):
      try journal.failed(Int64(id), reason, billed: billed)
      faults += 1
      if successes == 0 {
        suspects.append((id, reason))
        if suspects.count >= 20 { throw HostedTeacherError.refused(reason) }
      } else {
        try giveUp(id, reason)
      }
    case .overloaded, .unusable:
      try journal.failed(Int64(id), fault.reason, billed: billed)
      try retry(id, flight, fault)
    }
  }

  func retry(_ id: Int, _ flight: Flight, _ fault: RequestFault) throws {
    let now = clock.now()
    faults += 1
    faultsInARow += 1
    var strike = strikes[id] ?? Strikes()
    var retryAfter: Double?
    switch fault {
    case .overloaded(_, let wait):
      retryAfter = wait
      limit.overloaded(startedAt: flight.startedAt, now: now)
      // While nobody is answered, it is not this prompt that is at fault.
      if strike.successes < successes { strike.count += 1 }
    case .unusable:
      strike.count += 1
      strike.unusable += 1
    case .poison, .fatal: preconditionFailure("not asked again")
    }
    strike.successes = successes
    strikes[id] = strike
    if strike.count >= options.attemptsMax {
      return try giveUp(id, "\(strike.count) attempts failed, the last: \(fault.reason)")
    }
    if faultsInARow >= 10, now - lastSuccess > options.outageSecondsMax {
      throw HostedTeacherError.unavailable(fault.reason)
    }
    let pause = options.backoff.seconds(
      attempt: max(1, strike.count), retryAfter: retryAfter, share: draw())
    queue.askAgain(id, at: now + pause)
  }

  private func giveUp(_ id: Int, _ reason: String) throws {
    try journal.poison(Int64(id), reason)
    try done(id)
  }

  /// After a success, prompts that were refused before are given up; without any, all are refused
  /// for the same reason, which is not theirs.
  func judgeSuspects() throws {
    guard !suspects.isEmpty else { return }
    guard successes > 0 || storedCount > 0 else {
      throw HostedTeacherError.refused(suspects[0].reason)
    }
    let guilty = suspects
    suspects = []
    for (id, reason) in guilty { try giveUp(id, reason) }
  }
}
