// From prompts to captures, over a hosted teacher.
//
// One thread repeats: start as many requests as limit, rates and budget allow; wait; store what
// came. A prompt is asked again until it is stored or given up, and what is stored is never asked
// for again, whatever dies in between (RequestJournal.swift). Once all prompts of a block are done
// with, their captures go into the shard of the block's number, in the order of the prompts, so that
// the shards do not depend on who answered first.

internal import Checkpoints
internal import Foundation
internal import HTTPClient
package import Traces

/// Collects captures. One thread at a time may use it.
package final class HostedCollector {
  /// Stores the captures of a block; they are on the disk when it returns.
  package typealias ShardWriter = (_ shard: Int, _ captures: [Capture]) throws -> Void

  private struct Flight {
    let startedAt: Double
    let prompt: String
    /// What it may cost at most.
    let reserved: HostedSpend
  }

  /// What is known of a prompt that failed.
  private struct Strikes {
    var count = 0
    /// Unusable replies among them: they were paid for, so another one is another purchase.
    var unusable = 0
    /// Prompts that were stored by then.
    var successes = -1
  }

  private let endpoint: HostedEndpoint
  private let key: String?
  private let options: HostedCollectionOptions
  private let clock: CollectionClock
  private let draw: () -> Double

  private let prompts: [String]
  private let journal: RequestJournal
  private let corpus: String
  private let transfers: ConcurrentTransfers
  private let writeShard: ShardWriter?

  private var limit: ConcurrencyLimit
  private var requestRate: RateAllowance?
  private var tokenRate: RateAllowance?
  private var estimate = TokenEstimate()
  private var flights: [Int: Flight] = [:]
  private var reserved = HostedSpend()
  /// The first prompt that was not looked at yet.
  private var next = 0
  /// Prompts to be asked again, and when.
  private var later: [(due: Double, id: Int)] = []
  private var strikes: [Int: Strikes] = [:]
  private var isDone: [Bool]
  /// Prompts of each block that are not done with; nil for blocks whose shard exists.
  private var leftInBlock: [Int?]
  /// Refused prompts, before the first success tells that it is they who are at fault.
  private var suspects: [(id: Int, reason: String)] = []

  private let startedAt: Double
  private var lastFlush: Double
  private var lastReport = -Double.infinity
  private var lastSuccess: Double
  private var faultsInARow = 0
  private var successes = 0
  private var faults = 0
  private var tokensThisRun = 0
  /// Prompts that are stored or in shards.
  private var storedCount = 0

  /// A collection that goes on where `journal` and the shards stand.
  ///
  /// - Parameters:
  ///   - key: goes into requests only.
  ///   - shards: numbers of the shards that exist; their prompts are done with.
  ///   - writeShard: nil leaves all captures in the journal.
  ///   - draw: random numbers from 0 to 1, for the waits.
  package init(
    _ prompts: [String], of endpoint: HostedEndpoint, key: String?,
    options: HostedCollectionOptions, journal: RequestJournal, shards: Set<Int>,
    corpusSHA256: String, clock: CollectionClock = .system,
    draw: @escaping () -> Double = { Double.random(in: 0...1) },
    writeShard: ShardWriter?
  ) {
    self.prompts = prompts
    self.endpoint = endpoint
    self.key = key
    self.options = options
    self.journal = journal
    self.clock = clock
    self.draw = draw
    self.writeShard = writeShard
    corpus = corpusSHA256
    let now = clock.now()
    startedAt = now
    lastFlush = now
    lastSuccess = now
    transfers = ConcurrentTransfers(connectionsMax: options.concurrencyMax)
    limit = ConcurrencyLimit(maximum: options.concurrencyMax)
    requestRate = options.requestsPerMinute.map { RateAllowance(perMinute: $0, now: now) }
    let longest = prompts.lazy.map { $0.utf8.count }.max() ?? 0
    tokenRate = options.tokensPerMinute.map {
      RateAllowance(
        perMinute: $0, largest: Double(longest / 2 + 32 + options.question.maxTokens), now: now)
    }
    isDone = Array(repeating: false, count: prompts.count)
    let size = options.promptsPerShard
    leftInBlock = stride(from: 0, to: prompts.count, by: size).map { first in
      shards.contains(first / size) ? nil : min(size, prompts.count - first)
    }
    takeOver()
  }

  /// SHA-256 of prompts and question: a collection goes on with the same ones only.
  package static func fingerprint(
    _ prompts: [String], _ question: HostedQuestion, _ endpoint: HostedEndpoint
  ) -> String {
    var data = Data("\(question)|\(endpoint.model)|\(endpoint.baseURL)|\(endpoint.api)".utf8)
    for prompt in prompts {
      data.append(0)
      data.append(contentsOf: prompt.utf8)
    }
    return ChecksumList.digest(of: data)
  }

  /// Collects until every prompt is done with, a budget is spent, or it is asked to stop.
  ///
  /// - Parameters:
  ///   - shouldStop: asked a few times a second.
  ///   - progress: called once or twice a second, and at the end.
  /// - Throws: `HostedTeacherError`, or what `writeShard` throws. What was paid for is stored.
  package func run(
    shouldStop: () -> Bool = { false }, progress: (HostedProgress) -> Void = { _ in }
  ) throws -> HostedCollectionEnd {
    do {
      try finishBlocks(in: leftInBlock.indices)
      let end = try collect(shouldStop, progress)
      try journal.flush()
      if end == .budgetSpent { try writePartialBlocks() }
      progress(self.progress)
      return end
    } catch {
      try? journal.flush()
      throw error
    }
  }

  /// How far it is.
  package var progress: HostedProgress {
    var progress = HostedProgress()
    progress.prompts = prompts.count
    progress.poisoned = journal.past.poison.count
    progress.stored = storedCount
    progress.inFlight = flights.count
    progress.concurrency = limit.current
    progress.spend = journal.past.spend
    progress.cost = options.prices.cost(of: journal.past.spend)
    progress.faults = faults
    let seconds = max(clock.now() - startedAt, 1e-6)
    progress.requestsPerSecond = Double(successes) / seconds
    progress.tokensPerSecond = Double(tokensThisRun) / seconds
    if successes > 0 {
      let left = prompts.count - progress.stored - progress.poisoned
      progress.secondsLeft = Double(left) * seconds / Double(successes)
    }
    return progress
  }

  // MARK: - The loop

  private func collect(
    _ shouldStop: () -> Bool, _ progress: (HostedProgress) -> Void
  ) throws -> HostedCollectionEnd {
    while true {
      if shouldStop() {
        try settle()
        return .stopped
      }
      let pause = try dispatch()
      if flights.isEmpty {
        switch pause {
        case .nothingLeft:
          try judgeSuspects()
          return .complete
        case .overBudget: return .budgetSpent
        case .full, .until: break
        }
      }
      var wait = 0.25
      if case .until(let due) = pause { wait = min(wait, max(0, due - clock.now())) }
      do {
        try receive(within: wait)
      } catch let error as HostedTeacherError {
        // What is on its way is paid for.
        try settle()
        throw error
      }
      try tick(progress)
    }
  }

  /// Why no further request is started now.
  private enum Pause {
    case full
    case until(Double)
    case overBudget
    case nothingLeft
  }

  private func dispatch() throws(HostedTeacherError) -> Pause {
    var batch: [(id: Int, request: HTTPClient.Request)] = []
    var pause = Pause.full
    let now = clock.now()
    while flights.count < limit.current {
      guard let id = candidate(at: now) else {
        pause = later.map(\.due).min().map { .until($0) } ?? .nothingLeft
        break
      }
      let cost = worstCost(of: prompts[id])
      let total = journal.past.spend + reserved + cost
      var all = total
      all.requests = journal.past.spend.requests + batch.count + 1
      guard options.budget.allows(all, at: options.prices) else {
        pause = .overBudget
        break
      }
      let wait = max(
        requestRate?.secondsUntil(1, now: now) ?? 0,
        tokenRate?.secondsUntil(Double(cost.tokens), now: now) ?? 0)
      guard wait <= 0 else {
        pause = .until(now + wait)
        break
      }
      requestRate?.take(1)
      tokenRate?.take(Double(cost.tokens))
      remove(id)
      batch.append((id, try request(for: id)))
      flights[id] = Flight(startedAt: now, prompt: prompts[id], reserved: cost)
      reserved = reserved + cost
    }
    // Written down before they leave.
    try journal.sent(batch.map { Int64($0.id) })
    for (id, request) in batch { transfers.start(request, tag: id) }
    return pause
  }

  /// The next prompt to ask: one whose time has come again, else a fresh one.
  private func candidate(at now: Double) -> Int? {
    if let due = later.min(by: { $0.due < $1.due }), due.due <= now { return due.id }
    while next < prompts.count, isDone[next] { next += 1 }
    return next < prompts.count ? next : nil
  }

  private func remove(_ id: Int) {
    if let index = later.firstIndex(where: { $0.id == id }) {
      later.remove(at: index)
    } else {
      next = id + 1
    }
  }

  private func request(for id: Int) throws(HostedTeacherError) -> HTTPClient.Request {
    let name = "\(corpus):\(id):\(strikes[id]?.unusable ?? 0)"
    do {
      var request = try options.question.request(
        prompts[id], of: endpoint, key: key,
        idempotencyKey: "bitnet-" + ChecksumList.digest(of: Data(name.utf8)).prefix(32))
      // Time is kept here. A model may also think for minutes before it says a word.
      request.secondsMax = nil
      request.silentSecondsMax = Int(options.requestSecondsMax.rounded(.up)) + 60
      return request
    } catch {
      throw .refused("prompt \(id) cannot be written as JSON: \(error)")
    }
  }

  private func worstCost(of prompt: String) -> HostedSpend {
    var cost = HostedSpend()
    cost.promptTokens = estimate.promptTokens(bytes: prompt.utf8.count)
    cost.completionTokens = options.question.purpose == .score ? 1 : options.question.maxTokens
    return cost
  }

  private func receive(within seconds: Double) throws {
    let ended = transfers.wait(secondsMax: min(seconds, clock.patience))
    if ended.isEmpty { clock.waited(seconds) }
    var fault: (any Error)?
    for completion in ended {
      guard let flight = land(completion.tag) else { continue }
      do {
        try handle(completion.tag, flight, completion.result)
      } catch {
        // The others that came with it are paid for, too.
        fault = fault ?? error
      }
    }
    if let fault { throw fault }
    let now = clock.now()
    for (id, flight) in flights where now - flight.startedAt > options.requestSecondsMax {
      transfers.cancel(id)
      guard let flight = land(id) else { continue }
      let seconds = Int(options.requestSecondsMax)
      try retry(
        id, flight, .overloaded(reason: "no answer within \(seconds) s", retryAfter: nil))
    }
  }

  private func land(_ id: Int) -> Flight? {
    guard let flight = flights.removeValue(forKey: id) else { return nil }
    reserved.promptTokens -= flight.reserved.promptTokens
    reserved.completionTokens -= flight.reserved.completionTokens
    return flight
  }

  /// Waits a while for what is in flight, and stores it; starts nothing.
  private func settle() throws {
    let deadline = clock.now() + options.graceSeconds
    while !flights.isEmpty, clock.now() < deadline {
      do {
        try receive(within: 0.25)
      } catch is HostedTeacherError {
        // The first fault is the one that is told.
      }
    }
    for id in Array(flights.keys) {
      transfers.cancel(id)
      _ = land(id)
    }
    try journal.flush()
  }

  private func tick(_ progress: (HostedProgress) -> Void) throws(HostedTeacherError) {
    let now = clock.now()
    if now - lastFlush >= 1 {
      try journal.flush()
      lastFlush = now
    }
    if now - lastReport >= 0.5 {
      lastReport = now
      progress(self.progress)
    }
  }

  // MARK: - Replies

  private func handle(
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
      later.append((clock.now(), id))
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

  private func retry(_ id: Int, _ flight: Flight, _ fault: RequestFault) throws {
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
    later.append((now + pause, id))
  }

  private func giveUp(_ id: Int, _ reason: String) throws {
    try journal.poison(Int64(id), reason)
    try done(id)
  }

  /// After a success, prompts that were refused before are given up; without any, all are refused
  /// for the same reason, which is not theirs.
  private func judgeSuspects() throws {
    guard !suspects.isEmpty else { return }
    guard successes > 0 || storedCount > 0 else {
      throw HostedTeacherError.refused(suspects[0].reason)
    }
    let guilty = suspects
    suspects = []
    for (id, reason) in guilty { try giveUp(id, reason) }
  }

  // MARK: - Blocks

  /// Marks what earlier runs did.
  private func takeOver() {
    for (block, left) in leftInBlock.enumerated() where left == nil {
      let ids = ids(of: block)
      for id in ids { isDone[id] = true }
      storedCount += ids.count { journal.past.poison[Int64($0)] == nil }
    }
    let stored = journal.stored
    for id in stored where !isDone[Int(id)] {
      storedCount += 1
      mark(Int(id))
    }
    for id in journal.past.poison.keys where !isDone[Int(id)] { mark(Int(id)) }
    for (id, count) in journal.past.failures {
      strikes[Int(id)] = Strikes(count: min(count, options.attemptsMax - 1), unusable: count)
    }
  }

  private func mark(_ id: Int) {
    isDone[id] = true
    leftInBlock[id / options.promptsPerShard]? -= 1
  }

  private func ids(of block: Int) -> Range<Int> {
    let first = block * options.promptsPerShard
    return first..<min(prompts.count, first + options.promptsPerShard)
  }

  private func done(_ id: Int) throws {
    strikes[id] = nil
    if journal.past.poison[Int64(id)] == nil { storedCount += 1 }
    mark(id)
    let block = id / options.promptsPerShard
    try finishBlocks(in: block..<(block + 1))
  }

  private func finishBlocks(in blocks: Range<Int>) throws {
    for block in blocks where leftInBlock[block] == 0 { try write(block) }
  }

  /// Blocks of a collection that ends before their prompts are all asked.
  private func writePartialBlocks() throws {
    for (block, left) in leftInBlock.enumerated() where left != nil {
      if ids(of: block).contains(where: { isDone[$0] }) { try write(block) }
    }
  }

  private func write(_ block: Int) throws {
    guard let writeShard else { return }
    let stored = journal.stored
    let ids = ids(of: block).map { Int64($0) }.filter { stored.contains($0) }
    // Before a shard says so, the disk must.
    try journal.flush()
    try writeShard(block, try ids.map { try journal.capture($0) })
    leftInBlock[block] = nil
    try journal.forget(ids)
  }
}
