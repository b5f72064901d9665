import Foundation
import HostedTeachers
import TestSupport
import Testing
import Traces

struct RequestJournalTests {
  private func capture(_ id: Int64) -> Capture {
    var tokens = CapturedTokens()
    tokens.append("a\(id)".utf8, id: 5, logprob: -0.5)
    tokens.appendCandidate("b".utf8, id: 6, logprob: -1)
    tokens.appendCandidate([], logprob: -2)
    tokens.append([], logprob: CapturedTokens.unknownLogprob)
    tokens.promptCount = 1
    return Capture(
      id: id, prompt: "p\n\(id)", text: "a\(id)", tokens: tokens, finishReason: "stop", model: "m",
      fingerprint: "f", promptTokens: 3, completionTokens: nil, latencySeconds: 0.25)
  }

  @Test func `what was noted is there again`() throws {
    let folder = try TemporaryFolder()
    let journal = try RequestJournal(folder: folder.url, corpus: "c")
    try journal.sent([1, 2, 3, 4])
    try journal.store(capture(2))
    try journal.failed(1, "say \"no\"\n", billed: HostedSpend())
    try journal.poison(3, "bad")
    try journal.flush()
    let again = try RequestJournal(folder: folder.url, corpus: "c")
    #expect(again.past == journal.past)
    #expect(again.past.failures == [1: 1])
    #expect(again.past.poison == [3: "bad"])
    #expect(again.past.unanswered == [3, 4])
    #expect(again.past.spend.requests == 4)
    #expect(again.stored == [2])
    #expect(try again.capture(2) == capture(2))
  }

  @Test func `files whose captures are in shards go, and their sums stay`() throws {
    let folder = try TemporaryFolder()
    let journal = try RequestJournal(folder: folder.url, corpus: "c")
    try journal.sent([0, 1, 2])
    for id in Int64(0)..<3 { try journal.store(capture(id)) }
    try journal.poison(9, "bad")
    try journal.forgetting([0, 1])()
    #expect(try folder.names == ["journal_000000.log", "journal_000001.log"])
    try journal.sent([3])
    try journal.store(capture(3))
    try journal.forgetting([2, 3])()
    #expect(try folder.names == ["journal_000002.log"])
    let again = try RequestJournal(folder: folder.url, corpus: "c")
    #expect(again.past == journal.past)
    #expect(again.past.spend.requests == 4)
    #expect(again.past.poison == [9: "bad"])
    #expect(again.stored.isEmpty)
  }

  @Test func `a process that dies before old files are removed has lost nothing`() throws {
    let folder = try TemporaryFolder()
    let journal = try RequestJournal(folder: folder.url, corpus: "c")
    try journal.sent([0, 1, 2])
    for id in Int64(0)..<3 { try journal.store(capture(id)) }
    let rest = try journal.forgetting([0, 1])
    try journal.sent([3])
    try journal.store(capture(3))
    let read = try RequestJournal(folder: folder.url, corpus: "c")
    #expect(read.past == journal.past)
    // The first two are in a shard, which says so itself.
    #expect(read.stored == [0, 1, 2, 3])
    for id in read.stored { #expect(try read.capture(id) == capture(id)) }
    try rest()
    #expect(try journal.capture(3) == capture(3))
    #expect(try journal.capture(2) == capture(2))
  }

  @Test func `cut at any byte, it has all that was whole before`() throws {
    let folder = try TemporaryFolder()
    let journal = try RequestJournal(folder: folder.url, corpus: "c")
    var ends: [(bytes: Int, stored: Set<Int64>)] = [(journal.fileBytes, [])]
    for id in Int64(0)..<4 {
      try journal.sent([id])
      try journal.store(capture(id))
      ends.append((journal.fileBytes, journal.stored))
    }
    try journal.flush()
    let bytes = try Data(contentsOf: folder["journal_000000.log"])
    for count in 0...bytes.count {
      let copy = try TemporaryFolder()
      try bytes.prefix(count).write(to: copy["journal_000000.log"])
      let read = try RequestJournal(folder: copy.url, corpus: "c")
      #expect(read.stored == ends.last { $0.bytes <= count }?.stored ?? [], "\(count) bytes")
      for id in read.stored { #expect(try read.capture(id) == capture(id)) }
    }
  }

  @Test func `a changed byte costs what follows it and never gives another capture`() throws {
    let folder = try TemporaryFolder()
    let journal = try RequestJournal(folder: folder.url, corpus: "c")
    for id in Int64(0)..<3 { try journal.store(capture(id)) }
    try journal.flush()
    let bytes = try Data(contentsOf: folder["journal_000000.log"])
    for seed in UInt64(0)..<300 {
      var random = SplitMix64(seed: seed)
      var damaged = bytes
      let place = Int.random(in: 0..<bytes.count, using: &random)
      damaged[place] ^= UInt8(1 << Int.random(in: 0..<8, using: &random))
      let copy = try TemporaryFolder()
      try damaged.write(to: copy["journal_000000.log"])
      guard let read = try? RequestJournal(folder: copy.url, corpus: "c") else { continue }
      for id in read.stored {
        #expect(try read.capture(id) == capture(read.capture(id).id), "seed \(seed)")
      }
    }
  }
}
