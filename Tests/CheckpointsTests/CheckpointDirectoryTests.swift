import Foundation
import Glibc
import TestSupport
import Testing

@testable import Checkpoints

struct CheckpointDirectoryTests {
  let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  private func writeCheckpoint(_ name: String, content: String = "weights") throws {
    try CheckpointDirectory.write(at: folder[name]) { inside in
      try AtomicFile.write(Data(content.utf8), to: inside.appendingPathComponent("model"))
      try Data("{}".utf8).write(to: inside.appendingPathComponent("state.json"))
    }
  }

  private func content(_ name: String) throws -> String {
    String(decoding: try Data(contentsOf: folder["\(name)/model"]), as: UTF8.self)
  }

  private func problem(_ name: String) -> CheckpointError.Problem? {
    do throws(CheckpointError) {
      try CheckpointDirectory.verify(at: folder[name])
      return nil
    } catch {
      return error.problem
    }
  }

  @Test func `a checkpoint holds its files and their sums, as sha256sum checks them`() throws {
    try writeCheckpoint("step-1", content: "abc")
    #expect(problem("step-1") == nil)
    let sums = try String(contentsOf: folder["step-1/SHA256SUMS"], encoding: .utf8)
    // The digest of "abc" in FIPS 180-2, appendix B.1.
    let digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    #expect(sums.hasPrefix("\(digest)  model\n"))
    #expect(try folder.names == ["step-1"])
  }

  @Test func `a checkpoint of the same name is replaced`() throws {
    try writeCheckpoint("step-1", content: "old")
    try writeCheckpoint("step-1", content: "new")
    #expect(try content("step-1") == "new")
    #expect(try folder.names == ["step-1"])
  }

  @Test func `whichever operation fails, the checkpoint before is intact and nothing is left`()
    throws
  {
    try writeCheckpoint("step-1", content: "old")
    var failures = 0
    for failing in 0..<100 {
      let counter = Counter()
      do {
        try FileFailpoint.$check.withValue({ _, _ in
          counter.next() == failing ? .shortWrite(ENOSPC) : nil
        }) { try writeCheckpoint("step-1", content: "new") }
        if counter.next() <= failing { break }
      } catch is FileError {
        failures += 1
      }
      #expect(problem("step-1") == nil, "operation \(failing)")
      let now = try content("step-1")
      // Only the flush of the parent comes after the exchange.
      #expect(now == "old" || now == "new", "operation \(failing)")
      #expect(try folder.names == ["step-1"], "operation \(failing)")
      if now == "new" { try writeCheckpoint("step-1", content: "old") }
    }
    #expect(failures > 10)
  }

  @Test func `a body that fails leaves nothing`() throws {
    struct Stop: Error {}
    #expect(throws: Stop.self) {
      try CheckpointDirectory.write(at: folder["step-1"]) { inside in
        try Data("x".utf8).write(to: inside.appendingPathComponent("model"))
        throw Stop()
      }
    }
    #expect(try folder.names == [])
  }

  @Test func `every flipped bit, missing file and added file is named`() throws {
    try writeCheckpoint("step-1")
    let url = folder["step-1/model"]
    let whole = [UInt8](try Data(contentsOf: url))
    for bit in 0..<(8 * whole.count) {
      var bytes = whole
      bytes[bit / 8] ^= 1 << (bit % 8)
      try Data(bytes).write(to: url)
      guard case .damaged(let differences) = problem("step-1"), differences.count == 1,
        case .altered("model", _, _) = differences[0]
      else {
        Issue.record("bit \(bit) went unnoticed")
        return
      }
    }
    try FileManager.default.removeItem(at: url)
    try Data().write(to: folder["step-1/extra"])
    #expect(problem("step-1") == .damaged([.missing("model"), .unlisted("extra")]))
  }

  @Test func `a damaged list of sums is noticed at every bit`() throws {
    try writeCheckpoint("step-1")
    let url = folder["step-1/SHA256SUMS"]
    let whole = [UInt8](try Data(contentsOf: url))
    for bit in 0..<(8 * whole.count) {
      var bytes = whole
      bytes[bit / 8] ^= 1 << (bit % 8)
      try Data(bytes).write(to: url)
      #expect(problem("step-1") != nil, "bit \(bit)")
    }
    for count in 0..<whole.count {
      try Data(whole.prefix(count)).write(to: url)
      #expect(problem("step-1") != nil, "cut at \(count)")
    }
  }

  @Test func `folders that are no checkpoints are refused by name`() throws {
    try FileManager.default.createDirectory(
      at: folder["plain"], withIntermediateDirectories: false)
    #expect(problem("plain") == .noSums)
    guard case .unreadable = problem("missing") else {
      Issue.record("expected unreadable")
      return
    }
    try Data("short  x\n".utf8).write(to: folder["plain/SHA256SUMS"])
    #expect(problem("plain") == .malformedSums(line: 1))
    let digest = String(repeating: "0", count: 64)
    try Data("\(digest)  ../x\n".utf8).write(to: folder["plain/SHA256SUMS"])
    #expect(problem("plain") == .malformedSums(line: 1))
  }

  @Test func `pruning keeps the newest by number, and those named`() throws {
    for step in [1, 2, 9, 10, 100] { try writeCheckpoint("step-\(step)") }
    try writeCheckpoint("other")
    try CheckpointDirectory.prune(in: folder.url, prefix: "step-", keepLast: 2, keep: ["step-2"])
    #expect(try folder.names == ["other", "step-10", "step-100", "step-2"])
  }

  @Test func `two checkpoints stay even when one was asked for`() throws {
    for step in 1...3 { try writeCheckpoint("step-\(step)") }
    try CheckpointDirectory.prune(in: folder.url, prefix: "step-", keepLast: 0)
    #expect(try folder.names == ["step-2", "step-3"])
  }

  @Test func `the newest whole checkpoint is found behind damaged ones`() throws {
    for step in 1...3 { try writeCheckpoint("step-\(step)") }
    try Data("torn".utf8).write(to: folder["step-3/model"])
    let found = try CheckpointDirectory.newestWhole(in: folder.url, prefix: "step-")
    #expect(found.whole?.lastPathComponent == "step-2")
    #expect(found.damaged.map(\.path) == [folder["step-3"].path])
    #expect(found.damaged.first?.description.contains("model has SHA-256") == true)
  }
}
