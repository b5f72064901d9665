import Dispatch
import Foundation
import JobStore
import Jobs
import Testing

struct CrashTests {
  /// A process that submits and works as fast as it can is killed at random moments. It wrote every
  /// answer that it got into a file, which is then held against the database.
  @Test func `a kill at any moment loses nothing that was acknowledged`() async throws {
    let folder = TemporaryFolder()
    let path = folder.path
    let seed = UInt64.random(in: .min ... .max)
    var random = SeededRandom(seed: seed)
    for round in 0..<(6 * tortureFactor) {
      let lifeSeconds = Double.random(in: 0...0.3, using: &random)
      let answers = "\(path)/answers-\(round)"
      await #expect(processExitsWith: .signal(SIGKILL)) {
        [path = path as String, answers = answers as String, lifeSeconds = lifeSeconds as Double] in
        try submitAndWorkUntilKilled(folder: path, answers: answers, lifeSeconds: lifeSeconds)
      }
      let temporary = try TemporaryStore(folder: folder)
      #expect(temporary.store.check() == [], "seed \(seed)")
      _ = try temporary.store.recover()
      let text = try String(contentsOfFile: answers, encoding: .utf8)
      for line in text.split(separator: "\n") {
        let words = line.split(separator: " ")
        let job = try temporary.store.job(try #require(JobID(String(words[1]))))
        switch words[0] {
        case "submitted": #expect(job.name == words[2], "seed \(seed)")
        case "finished": #expect(job.state == .succeeded(attempt: 1), "seed \(seed)")
        default: Issue.record("a line that nobody wrote: \(line)")
        }
      }
      // What runs now would run for ever.
      #expect(try temporary.store.jobs(.init(state: .running), limit: 10).jobs == [])
      temporary.store.close()
    }
  }
}

/// Works on a store from several threads until the process kills itself.
///
/// - Parameters:
///   - answers: the file that gets one line for every answer of the store.
///   - lifeSeconds: from the first answer on.
private func submitAndWorkUntilKilled(
  folder: String, answers: String, lifeSeconds: Double
) throws {
  let descriptor = open(answers, O_WRONLY | O_CREAT | O_APPEND, 0o644)
  @Sendable func answer(_ line: String) {
    let bytes = Array((line + "\n").utf8)
    _ = write(descriptor, bytes, bytes.count)
  }
  let store = try JobStore(folder: folder, boot: .make(at: .now()))
  _ = try store.recover()
  DispatchQueue(label: "killer").asyncAfter(deadline: .now() + lifeSeconds) {
    kill(getpid(), SIGKILL)
  }
  onThreads(8) { thread in
    while true {
      if thread < 6 {
        let job = NewJob(
          id: .make(at: .now()), kind: .train, name: "n\(thread)", slot: .io)
        if (try? store.submit([job])) != nil { answer("submitted \(job.id) n\(thread)") }
      } else if let job = try? store.claimNext(.io), job.state.attempt == 1 {
        let attempt = job.state.attempt
        _ = try? store.record([.log(.info, "half")], of: job.id, attempt: attempt)
        let end = try? store.finish(
          job.id, attempt: attempt, outcome: .succeeded(result: ["done": true]))
        if end != nil { answer("finished \(job.id)") }
      }
    }
  }
}
