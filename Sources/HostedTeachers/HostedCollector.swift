// From prompts to captures, over a hosted teacher.
//
// One thread repeats: start as many requests as limit, rates and budget allow; wait; store what
// came. A prompt is asked again until it is stored or given up, and what is stored is never asked
// for again, whatever dies in between (RequestJournal.swift). Once all prompts of a block are done
// with, their captures go into the shard of the block's number, in the order of the prompts, so that
// the shards do not depend on who answered first.
//
// That thread never keeps the teacher waiting. A second one reads replies and writes out the records
// that the journal appends, and the first helps where it has nothing else to do; a third waits for the
// disk and makes the shards. Both only get values and give values back, so that all state is the first
// one's. A reply keeps its place among those in flight until the journal has it: no more than the limit
// can be lost, and so be paid for twice.

internal import Checkpoints
internal import Foundation
internal import HTTPClient
package import Traces

/// Collects captures. One thread at a time may use it.
package final class HostedCollector {
  /// Stores the captures of a block; they are on the disk when it returns.
  ///
  /// It is called on another thread, for one block at a time.
  package typealias ShardWriter =
    @Sendable (_ shard: Int, _ captures: [Capture]) throws -> Void

  struct Flight {
    let startedAt: Double
    let prompt: String
    /// What it may cost at most.
    let reserved: HostedSpend
    /// Requests in flight when its reply came, this one included, and how many might have been.
    var inFlight = 0
    var limit = 0
  }

  /// What is known of a prompt that failed.
  struct Strikes {
    var count = 0
    /// Unusable replies among them: they were paid for, so another one is another purchase.
    var unusable = 0
    /// Prompts that were stored by then.
    var successes = -1
  }

  let endpoint: HostedEndpoint
  let key: String?
  let options: HostedCollectionOptions
  let clock: CollectionClock
  let draw: () -> Double

  private let prompts: [String]
  let journal: RequestJournal
  private let corpus: String
  private let transfers: ConcurrentTransfers
  let writeShard: ShardWriter?
  /// Written when the first request is made.
  private var form: HostedRequestForm?
  private let reader: ReplyReader
  private let reading: SideWork<ReplyReading>
  let disk: SideWork<DiskOutcome>

  var limit: ConcurrencyLimit
  private var requestRate: RateAllowance?
  var tokenRate: RateAllowance?
  var estimate = TokenEstimate()
  var flights: [Int: Flight] = [:]
  /// Those whose replies have come and are being read.
  private var unread: [Int: Flight] = [:]
  private var reserved = HostedSpend()
  var queue: PromptQueue
  var blocks: PromptBlocks
  var strikes: [Int: Strikes] = [:]
  /// Refused prompts, before the first success tells that it is they who are at fault.
  var suspects: [(id: Int, reason: String)] = []

  private let startedAt: Double
  private var lastFlush: Double
  private var lastReport = -Double.infinity
  /// When it was last looked whose time is up.
  private var lastLook = -Double.infinity
  var lastSuccess: Double
  var faultsInARow = 0
  var successes = 0
  var faults = 0
  var tokensThisRun = 0
  /// Prompts that are stored or in shards.
  var storedCount = 0

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
    reader = ReplyReader(question: options.question, endpoint: endpoint, key: key)
    let waker = transfers.waker
    reading = SideWork("bitnet.replies") { waker.wake() }
    // Nobody waits for it, and its milliseconds at a stretch would make those wait who do.
    disk = SideWork("bitnet.captures", niceness: 10) { waker.wake() }
    limit = ConcurrencyLimit(maximum: options.concurrencyMax)
    requestRate = options.requestsPerMinute.map { RateAllowance(perMinute: $0, now: now) }
    let longest = prompts.lazy.map { $0.utf8.count }.max() ?? 0
    tokenRate = options.tokensPerMinute.map {
      RateAllowance(
        perMinute: $0, largest: Double(longest / 2 + 32 + options.question.maxTokens), now: now)
    }
    queue = PromptQueue(count: prompts.count)
    blocks = PromptBlocks(
      promptCount: prompts.count, size: options.promptsPerShard, shards: shards)
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
      finishBlocks(in: blocks.indices)
      let end = try collect(shouldStop, progress)
      if end == .budgetSpent { writePartialBlocks() }
      try finishDisk()
      try journal.flush()
      progress(self.progress)
      return end
    } catch {
      // Replies that came are paid for, and what the disk was given is not left half done.
      try? settleReplies(reading.takeAll())
      try? finishDisk()
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
      if flights.isEmpty, unread.isEmpty {
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
        try settleReplies(reading.take())
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
    while flights.count + unread.count < limit.current {
      guard let id = queue.candidate(at: now, isDone: blocks.isDone) else {
        pause = queue.nextDue.map { .until($0) } ?? .nothingLeft
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
      queue.taken(id)
      batch.append((id, try request(for: id)))
      flights[id] = Flight(startedAt: now, prompt: prompts[id], reserved: cost)
      reserved = reserved + cost
    }
    // Written down before they leave.
    try journal.sent(batch.map { Int64($0.id) })
    for (id, request) in batch { transfers.start(request, tag: id) }
    return pause
  }

  private func request(for id: Int) throws(HostedTeacherError) -> HTTPClient.Request {
    let name = "\(corpus):\(id):\(strikes[id]?.unusable ?? 0)"
    var request = try writtenForm().request(
      prompts[id], idempotencyKey: "bitnet-" + ChecksumList.digest(of: Data(name.utf8)).prefix(32))
    // Time is kept here. A model may also think for minutes before it says a word.
    request.secondsMax = nil
    request.silentSecondsMax = Int(options.requestSecondsMax.rounded(.up)) + 60
    return request
  }

  private func writtenForm() throws(HostedTeacherError) -> HostedRequestForm {
    if let form { return form }
    do {
      let written = try HostedRequestForm(options.question, of: endpoint, key: key)
      form = written
      return written
    } catch {
      throw .refused("the question cannot be written as JSON: \(error)")
    }
  }

  private func worstCost(of prompt: String) -> HostedSpend {
    var cost = HostedSpend()
    cost.promptTokens = estimate.promptTokens(bytes: prompt.utf8.count)
    cost.completionTokens = options.question.purpose == .score ? 1 : options.question.maxTokens
    return cost
  }

  /// Waits for replies; has those that may be answers read.
  private func receive(within seconds: Double) throws {
    // Rather than sleep it reads a reply that waits for the thread that does: each holds a place.
    if !reading.hasOutcome { reading.help() }
    // What the disk is done with can wait as long; nobody waits for it.
    let wait = reading.hasOutcome ? 0 : seconds
    let ended = transfers.wait(secondsMax: min(wait, clock.patience))
    if ended.isEmpty, unread.isEmpty { clock.waited(wait) }
    var fault: (any Error)?
    let inFlight = flights.count + unread.count
    for completion in ended {
      guard var flight = flights.removeValue(forKey: completion.tag) else { continue }
      flight.inFlight = inFlight
      flight.limit = limit.current
      do {
        try take(completion.tag, flight, completion.result)
      } catch {
        // The others that came with it are paid for, too.
        fault = fault ?? error
      }
    }
    if let fault { throw fault }
    let now = clock.now()
    // A look at every request in flight, which need not be taken for every reply.
    guard now - lastLook >= 0.1 else { return }
    lastLook = now
    for (id, flight) in flights where now - flight.startedAt > options.requestSecondsMax {
      transfers.cancel(id)
      flights[id] = nil
      release(flight)
      let seconds = Int(options.requestSecondsMax)
      try retry(
        id, flight, .overloaded(reason: "no answer within \(seconds) s", retryAfter: nil))
    }
  }

  private func take(
    _ id: Int, _ flight: Flight, _ result: Result<HTTPClient.Response, HTTPClientError>
  ) throws {
    if case .success(let response) = result, (200..<300).contains(response.status) {
      unread[id] = flight
      let prompt = HostedPrompt(
        id: id, text: flight.prompt, latencySeconds: clock.now() - flight.startedAt)
      reading.start { [reader] in reader.read(response, to: prompt) }
    } else {
      release(flight)
      try failed(id, flight, fault(of: result), billed: HostedSpend())
    }
  }

  private func settleReplies(_ readings: [ReplyReading]) throws {
    var fault: (any Error)?
    for reading in readings {
      guard let flight = unread.removeValue(forKey: reading.id) else { continue }
      release(flight)
      do {
        try handle(reading, flight)
      } catch {
        fault = fault ?? error
      }
    }
    if let fault { throw fault }
  }

  private func release(_ flight: Flight) {
    reserved.promptTokens -= flight.reserved.promptTokens
    reserved.completionTokens -= flight.reserved.completionTokens
  }

  /// Waits a while for what is in flight, and stores it; starts nothing.
  private func settle() throws {
    let deadline = clock.now() + options.graceSeconds
    while !flights.isEmpty, clock.now() < deadline {
      do {
        try receive(within: 0.25)
        try settleReplies(reading.take())
      } catch is HostedTeacherError {
        // The first fault is the one that is told.
      }
    }
    for (id, flight) in flights {
      transfers.cancel(id)
      release(flight)
    }
    flights = [:]
    do {
      try settleReplies(reading.takeAll())
    } catch is HostedTeacherError {}
    try journal.flush()
  }

  private func tick(_ progress: (HostedProgress) -> Void) throws {
    try takeFromDisk(disk.take())
    let now = clock.now()
    if now - lastFlush >= 1 {
      lastFlush = now
      if let flush = journal.flushing() { onDisk(flush) }
    }
    if now - lastReport >= 0.5 {
      lastReport = now
      progress(self.progress)
    }
  }
}
