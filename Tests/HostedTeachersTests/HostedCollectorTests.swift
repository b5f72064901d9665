import Foundation
import HostedTeachers
import Synchronization
import TestSupport
import Testing
import Traces

struct HostedCollectorTests {
  private func prompts(_ count: Int) -> [String] { (0..<count).map { "prompt \($0)" } }

  /// Every prompt once, in order, with its own answer.
  private func expectAll(_ prompts: [String], in run: CollectionRun, besides: Set<Int64> = []) {
    let stored = run.shards.sorted { $0.key < $1.key }.flatMap(\.value)
    #expect(stored.map(\.id) == prompts.indices.map { Int64($0) }.filter { !besides.contains($0) })
    for capture in stored {
      #expect(capture.prompt == prompts[Int(capture.id)])
      #expect(capture.text == capture.prompt)
      #expect(capture.tokens.count == capture.prompt.utf8.count)
    }
  }

  @Test(arguments: [false, true])
  func `every prompt is stored once, many in flight`(isStreamed: Bool) throws {
    // The first answer waits for a second question: one at a time would never come to an end.
    let arrived = Atomic(0)
    let second = DispatchSemaphore(value: 0)
    let run = try CollectionRun(
      TeacherStub { _, _ in
        if arrived.add(1, ordering: .relaxed).newValue == 1 {
          second.wait()
        } else {
          second.signal()
        }
        return nil
      })
    run.options.question.isStreamed = isStreamed
    #expect(try run.collect(prompts(100)) == .complete)
    expectAll(prompts(100), in: run)
    #expect(run.stub.report.paid == Dictionary(uniqueKeysWithValues: prompts(100).map { ($0, 1) }))
    let last = try #require(run.progress.last)
    #expect(last.stored == 100)
    #expect(last.fraction == 1)
    #expect(last.spend.requests == 100)
    #expect(last.spend.completionTokens == prompts(100).reduce(0) { $0 + $1.utf8.count })
    #expect(run.stub.report.busiest > 1)
    // A second run has nothing to ask.
    #expect(try run.collect(prompts(100)) == .complete)
    #expect(run.stub.report.requests.values.allSatisfy { $0 == 1 })
  }

  /// Each fault after each other one, twice in a row included.
  @Test func `whatever goes wrong, in every order, each prompt is paid for once`() throws {
    let faults = TeacherStub.Fault.allCases
    let orders = faults.flatMap { first in faults.map { [first, $0] } }
    let run = try CollectionRun(
      TeacherStub { prompt, attempt in
        let order = orders[Int(prompt.split(separator: " ")[1]) ?? 0]
        return attempt <= order.count ? order[attempt - 1] : nil
      })
    let runs = try run.collectToTheEnd(prompts(orders.count))
    #expect(runs > 1)
    expectAll(prompts(orders.count), in: run)
    #expect(run.stub.report.paid.values.allSatisfy { $0 == 1 })
    #expect(run.stub.report.requests.values.allSatisfy { $0 == 3 })
    #expect(try run.poison(prompts(orders.count)).isEmpty)
  }

  @Test func `under one fault in twenty, each prompt is stored once or has a reason`() throws {
    let seed = UInt64.random(in: 0...UInt64.max)
    let faults = TeacherStub.Fault.allCases.filter { $0 != .keyRefused }
    let run = try CollectionRun(
      TeacherStub { prompt, attempt in
        let number = UInt64(prompt.dropFirst(7)) ?? 0
        var random = SplitMix64(seed: seed &+ number * 64 &+ UInt64(attempt))
        let isFaulty = Int.random(in: 0..<20, using: &random) == 0
        return isFaulty ? faults.randomElement(using: &random) : nil
      })
    #expect(try run.collect(prompts(400)) == .complete, "seed \(seed)")
    let poison = try run.poison(prompts(400))
    expectAll(prompts(400), in: run, besides: Set(poison.keys))
    #expect(run.stub.report.paid.values.allSatisfy { $0 == 1 }, "seed \(seed)")
    #expect(run.stub.report.paid.count + poison.count == 400, "seed \(seed)")
  }

  @Test func `a prompt that is refused, or never answered well, is given up with its reason`()
    throws
  {
    let run = try CollectionRun(
      TeacherStub(
        fault: { prompt, _ in prompt == "prompt 5" ? .garbage : nil },
        special: { prompt, _ in
          guard prompt == "prompt 3" else { return nil }
          let body = #"{"error":{"message":"too long"}}"#
          return "HTTP/1.1 400 X\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
        }))
    #expect(try run.collect(prompts(40)) == .complete)
    let poison = try run.poison(prompts(40))
    #expect(Set(poison.keys) == [3, 5])
    #expect(poison[3] == "status 400: too long")
    #expect(
      poison[5]?.hasPrefix("6 attempts failed, the last: the reply is not what was asked") == true)
    #expect(run.stub.report.requests["prompt 3"] == 1)
    #expect(run.stub.report.requests["prompt 5"] == 6)
    // Each unusable reply was another purchase, and said so.
    #expect(run.stub.report.idempotencyKeys["prompt 5"]?.count == 6)
    expectAll(prompts(40), in: run, besides: [3, 5])
    #expect(try run.collect(prompts(40)) == .complete)
    #expect(run.stub.report.requests["prompt 5"] == 6)
  }

  @Test func `when all are refused, none is given up`() throws {
    let body = #"{"error":{"message":"unknown field logprobs"}}"#
    let run = try CollectionRun(
      TeacherStub(special: { _, _ in
        "HTTP/1.1 400 X\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
      }))
    #expect(throws: HostedTeacherError.refused("status 400: unknown field logprobs")) {
      try run.collect(prompts(50))
    }
    #expect(throws: HostedTeacherError.refused("status 400: unknown field logprobs")) {
      try run.collect(prompts(50))
    }
    #expect(try run.poison(prompts(50)).isEmpty)
  }

  @Test func `a refused key stops at once, is named, and is shown nowhere`() throws {
    let run = try CollectionRun(TeacherStub { _, _ in .keyRefused })
    run.key = "sk-secret"
    #expect(throws: HostedTeacherError.keyRefused(variable: "STUB_API_KEY", status: 401)) {
      try run.collect(prompts(50))
    }
    #expect(run.stub.report.authorizations == ["Bearer sk-secret"])
    #expect(run.stub.report.requests.count <= 8)
    for name in try run.folder.names {
      let text = try String(decoding: Data(contentsOf: run.folder[name]), as: UTF8.self)
      #expect(!text.contains("sk-secret"))
    }
  }

  @Test func `a teacher that is gone for long ends the collection, and loses nothing`() throws {
    let run = try CollectionRun(TeacherStub())
    // Fewer in flight than are left when it stops.
    run.options.concurrencyMax = 8
    run.shouldStop = { $0.stored >= 30 }
    #expect(try run.collect(prompts(60)) == .stopped)
    let stored = try #require(run.progress.last?.stored)
    run.shouldStop = { _ in false }
    run.stub.stop()
    #expect { try run.collect(prompts(60)) } throws: { error in
      if case .unavailable? = error as? HostedTeacherError { true } else { false }
    }
    #expect(run.progress.last?.stored == stored)
    #expect(run.progress.last?.poisoned == 0)
  }

  @Test func `a stop keeps what is paid for, and the next run goes on`() throws {
    let run = try CollectionRun(TeacherStub())
    for count in [10, 25, 55] {
      run.shouldStop = { $0.stored >= count }
      #expect(try run.collect(prompts(80)) == .stopped)
    }
    run.shouldStop = { _ in false }
    #expect(try run.collect(prompts(80)) == .complete)
    expectAll(prompts(80), in: run)
    #expect(run.stub.report.requests.values.allSatisfy { $0 == 1 })
  }

  @Test func `no budget is passed, and what was paid for is kept`() throws {
    let each = "prompt 10".utf8.count
    for budget in ["requests", "tokens", "money"] {
      let run = try CollectionRun(TeacherStub())
      run.options.question.maxTokens = 16
      run.options.prices = HostedPrices(promptPerMillion: 1e6, completionPerMillion: 2e6)
      switch budget {
      case "requests": run.options.budget.requests = 30
      case "tokens": run.options.budget.tokens = 30 * 2 * each
      default: run.options.budget.money = Double(30 * 3 * each)
      }
      #expect(try run.collect(prompts(90)) == .budgetSpent)
      let last = try #require(run.progress.last)
      #expect(run.options.budget.allows(last.spend, at: run.options.prices), "\(budget)")
      #expect(last.stored >= 20, "\(budget): \(last.stored)")
      #expect(last.stored == last.spend.requests)
      #expect(run.shards.values.reduce(0) { $0 + $1.count } == last.stored)
    }
  }

  @Test func `Retry-After is obeyed`() throws {
    let run = try CollectionRun(TeacherStub { _, attempt in attempt == 1 ? .tooMany : nil })
    #expect(try run.collect(prompts(5)) == .complete)
    #expect(run.seconds >= 2)
    #expect(run.seconds < 10)
  }

  @Test func `rates are kept`() throws {
    let run = try CollectionRun(TeacherStub())
    run.options.requestsPerMinute = 60
    #expect(try run.collect(prompts(35)) == .complete)
    // Five at once, then one a second.
    #expect(run.seconds > 28)
    #expect(run.seconds < 40)
  }

  @Test func `another corpus in the same folder is refused`() throws {
    let run = try CollectionRun(TeacherStub())
    run.shouldStop = { $0.stored >= 3 }
    #expect(try run.collect(prompts(40)) == .stopped)
    #expect { try run.collect(prompts(41)) } throws: { error in
      if case .otherCollection? = error as? HostedTeacherError { true } else { false }
    }
  }
}
