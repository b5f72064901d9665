internal import Dispatch
internal import HTTPServer
internal import JobStore
internal import Jobs
internal import Synchronization

/// Who waits for a job to change: long polls, answered once, and event streams, woken each time.
final class JobWatchers: Sendable {
  private struct WeakStream {
    weak var stream: HTTPStream?
  }

  private struct State {
    var number: UInt64 = 0
    var waiters: [JobID: [UInt64: @Sendable () -> Void]] = [:]
    var streams: [JobID: [UInt64: WeakStream]] = [:]
    var streamCount = 0
  }

  private let state = Mutex(State())
  // The store calls on its writer's thread, which must not wait for thousands of watchers.
  private let queue = DispatchQueue(label: "bitnetd.watchers")

  /// Open event streams.
  var streamCount: Int { state.withLock { $0.streamCount } }

  /// Requests that wait for a change.
  var waiterCount: Int { state.withLock { $0.waiters.values.reduce(0) { $0 + $1.count } } }

  /// Calls `answer` once, later: when the job's state changes, or after `seconds`.
  ///
  /// - Returns: a number by which `stopWaiting` takes it back.
  func wait(
    for id: JobID, seconds: Double, answer: @escaping @Sendable () -> Void
  ) -> UInt64 {
    let number = state.withLock { state in
      state.number += 1
      state.waiters[id, default: [:]][state.number] = answer
      return state.number
    }
    queue.asyncAfter(deadline: .now() + seconds) { [weak self] in
      self?.take(number, of: id)?()
    }
    return number
  }

  /// Takes a waiter back; nil when its time had come already.
  @discardableResult
  func take(_ number: UInt64, of id: JobID) -> (@Sendable () -> Void)? {
    state.withLock { state in
      let answer = state.waiters[id]?.removeValue(forKey: number)
      if state.waiters[id]?.isEmpty ?? false { state.waiters[id] = nil }
      return answer
    }
  }

  /// Wakes a stream at every change of a job until `forget` takes it back.
  func add(_ stream: HTTPStream, number: UInt64, for id: JobID) {
    state.withLock { state in
      state.streams[id, default: [:]][number] = WeakStream(stream: stream)
      state.streamCount += 1
    }
  }

  /// A number for a stream that is about to be made.
  func nextNumber() -> UInt64 {
    state.withLock { state in
      state.number += 1
      return state.number
    }
  }

  /// Forgets a stream that has ended.
  func forget(_ number: UInt64, of id: JobID) {
    state.withLock { state in
      if state.streams[id]?.removeValue(forKey: number) != nil { state.streamCount -= 1 }
      if state.streams[id]?.isEmpty ?? false { state.streams[id] = nil }
    }
  }

  /// Tells everybody who waits for one of these jobs.
  func tell(_ changes: [JobChange]) {
    let isWatched = state.withLock { state in
      changes.contains { state.waiters[$0.id] != nil || state.streams[$0.id] != nil }
    }
    guard isWatched else { return }
    queue.async { [self] in
      for change in changes {
        let (answers, streams) = state.withLock { state in
          let answers = change.kind == .detail ? nil : state.waiters.removeValue(forKey: change.id)
          return (answers, state.streams[change.id])
        }
        answers?.values.forEach { $0() }
        streams?.values.forEach { $0.stream?.wake() }
      }
    }
  }
}
