import JobStore
import Jobs
import Synchronization
import Testing

struct RaceTests {
  /// Everything that can end or begin an attempt, from many threads at once, on few jobs. What
  /// the store answered must fit what it wrote down.
  @Test func `whatever races, each attempt begins once and ends once`() throws {
    let temporary = try TemporaryStore(retryPolicy: RetryPolicy(firstDelaySeconds: 0))
    let store = temporary.store
    let seed = UInt64.random(in: .min ... .max)
    let jobs = try (0..<12).map { _ in try temporary.submit(maxAttempts: 1_000_000) }
    let claims = Mutex<[String: Int]>([:])
    let ends = Mutex<[String: Int]>([:])
    let unexpected = Mutex<[String]>([])
    onThreads(24) { thread in
      var random = SeededRandom(seed: seed &+ UInt64(thread))
      for _ in 0..<(150 * tortureFactor) {
        let id = jobs[Int.random(in: 0..<jobs.count, using: &random)]
        do {
          switch Int.random(in: 0..<10, using: &random) {
          case 0: _ = try store.cancel(id)
          case 1, 2: _ = try store.retry(id)
          case 3, 4:
            guard let job = try store.claimNext(.compute) else { continue }
            claims.withLock { $0["\(job.id) \(job.state.attempt)", default: 0] += 1 }
          case 5:
            _ = try store.record(
              [.log(.info, "alive")], of: id, attempt: try store.job(id).state.attempt)
          default:
            let attempt = try store.job(id).state.attempt
            let outcomes: [JobOutcome] = [
              .succeeded(result: [:]), .stopped, .failed(.example, isRetryable: true),
              .failed(.example, isRetryable: false),
            ]
            // Success is for ever, so it is rare.
            let isSuccess = Int.random(in: 0..<40, using: &random) == 0
            let outcome = outcomes[isSuccess ? 0 : Int.random(in: 1..<4, using: &random)]
            _ = try store.finish(id, attempt: attempt, outcome: outcome)
            ends.withLock { $0["\(id) \(attempt)", default: 0] += 1 }
          }
        } catch StoreError.illegal, StoreError.superseded {
          // The other one was first.
        } catch {
          unexpected.withLock { $0.append("\(error)") }
        }
      }
    }
    #expect(unexpected.withLock { $0 } == [], "seed \(seed)")
    #expect(claims.withLock { $0.values.allSatisfy { $0 == 1 } }, "seed \(seed)")
    #expect(ends.withLock { $0.values.allSatisfy { $0 == 1 } }, "seed \(seed)")
    for id in jobs { try checkHistory(id, store, ends.withLock { $0 }, "seed \(seed)") }
    #expect(store.check() == [])
  }

  /// The job's events tell a life that JobState allows, with one end for each attempt.
  private func checkHistory(
    _ id: JobID, _ store: JobStore, _ ends: [String: Int], _ comment: Comment
  ) throws {
    let events = try store.events(of: id, after: 0, limit: 1_000_000)
    #expect(events.map(\.sequence) == Array(1...Int64(events.count)), comment)
    var begun: Int64 = 0
    var isRunning = false
    for event in events where event.type == .state {
      let name = event.data["state"]?.stringValue.flatMap { JobState.Name(rawValue: $0) }
      let attempt = event.data["attempt"]?.intValue
      if name == .running, !isRunning {
        begun += 1
        isRunning = true
      } else if name != .running {
        if isRunning {
          #expect(ends["\(id) \(begun)"] == 1, comment)
        }
        isRunning = false
      }
      #expect(attempt == begun, comment)
    }
    let job = try store.job(id)
    #expect(job.version == Int64(events.count), comment)
    #expect((job.state.name == .running) == isRunning, comment)
  }

  /// A process that dies while a worker finishes: the next one finds the job either finished or
  /// takes it back, never both and never neither.
  @Test func `a finish that races with the end of its process happens or does not`() throws {
    var temporary = try TemporaryStore()
    for _ in 0..<(20 * tortureFactor) {
      let job = try temporary.running()
      let store = temporary.store
      let finished = Mutex(false)
      onThreads(2) { thread in
        if thread == 0 {
          store.close()
        } else {
          let end = try? store.finish(job.id, attempt: 1, outcome: .succeeded(result: [:]))
          finished.withLock { $0 = end != nil }
        }
      }
      temporary = try temporary.restarted()
      let recovered = try temporary.store.recover()
      #expect(recovered == (finished.withLock { $0 } ? [] : [job.id]))
      if let again = try temporary.store.claimNext(.compute) {
        _ = try temporary.store.finish(
          again.id, attempt: again.state.attempt, outcome: .succeeded(result: [:]))
      }
    }
  }
}
