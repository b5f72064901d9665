internal import HTTPClient

// What becomes of a prompt that was answered, or not.
extension HostedCollector {
  func handle(_ reading: ReplyReading, _ flight: Flight) throws {
    let entry: JournalEntry
    switch reading.result {
    case .success(let written): entry = written
    case .failure(let fault):
      return try failed(reading.id, flight, fault, billed: reading.billed)
    }
    try journal.store(entry)
    succeeded(flight, entry)
    try judgeSuspects()
    done(reading.id)
  }

  /// What a request that was not answered with a 2xx means.
  func fault(of result: Result<HTTPClient.Response, HTTPClientError>) -> RequestFault {
    let response: HTTPClient.Response
    switch result {
    case .success(let reply): response = reply
    case .failure(let error): return RequestFault(error)
    }
    var said = (try? HostedReply(reading: response.body))?.fault ?? HostedReply.Fault()
    said.message = ReplyReader.cleaned(said.message, of: key)
    return RequestFault(
      status: response.status, said: said,
      retryAfter: RetryAfter.seconds(response, now: clock.secondsSince1970()), endpoint: endpoint)
      ?? .unusable(reason: "status \(response.status)")
  }

  private func succeeded(_ flight: Flight, _ entry: JournalEntry) {
    successes += 1
    faultsInARow = 0
    lastSuccess = clock.now()
    limit.succeeded(inFlight: flight.inFlight, of: flight.limit)
    tokensThisRun += entry.answeredTokens
    if let tokens = entry.promptTokens {
      estimate.learn(bytes: flight.prompt.utf8.count, tokens: tokens)
      // What was held back and not needed.
      tokenRate?.take(Double(tokens + entry.answeredTokens - flight.reserved.tokens))
    }
  }

  func failed(
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
    done(id)
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
