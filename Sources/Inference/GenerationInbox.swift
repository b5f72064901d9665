internal import Foundation
internal import Synchronization

/// A request on its way to the engine's thread.
struct Submission: Sendable {
  let handle: GenerationHandle
  let request: GenerationRequest
  let receiver: GenerationEngine.Receiver
  /// `DispatchTime` in nanoseconds.
  let submittedAt: UInt64
}

/// What other threads tell the engine's, and what it tells them.
final class GenerationInbox: Sendable {
  /// What happened since the thread looked last.
  struct News {
    var submissions: [Submission] = []
    var cancelled: Set<GenerationHandle> = []
    var cancelsAll = false
  }

  private struct State {
    var news = News()
    var nextNumber: UInt64 = 0
    var isDraining = false
    var load = GenerationLoad()
  }

  private let queueLimit: Int
  private let places: Int
  private let state = Mutex(State())
  /// One signal per piece of news; a signal too many costs one look.
  private let wakeUp = DispatchSemaphore(value: 0)
  private let end = DispatchSemaphore(value: 0)

  /// - Parameter queueLimit: requests that may wait while all `places` are taken.
  init(queueLimit: Int, places: Int) {
    self.queueLimit = queueLimit
    self.places = places
  }

  // MARK: - Other threads

  func add(
    _ request: GenerationRequest, receiver: @escaping GenerationEngine.Receiver
  ) throws(GenerationRefusal) -> GenerationHandle {
    let time = DispatchTime.now().uptimeNanoseconds
    let handle = try state.withLock { state throws(GenerationRefusal) in
      guard !state.isDraining else { throw .shuttingDown }
      let free = max(0, places - state.load.running)
      guard state.load.queued < queueLimit + free else { throw .queueFull(limit: queueLimit) }
      let handle = GenerationHandle(number: state.nextNumber)
      state.nextNumber += 1
      state.load.queued += 1
      state.news.submissions.append(
        Submission(handle: handle, request: request, receiver: receiver, submittedAt: time))
      return handle
    }
    wakeUp.signal()
    return handle
  }

  func cancel(_ handle: GenerationHandle) {
    state.withLock { _ = $0.news.cancelled.insert(handle) }
    wakeUp.signal()
  }

  func drain(cancelling: Bool) {
    state.withLock {
      $0.isDraining = true
      if cancelling { $0.news.cancelsAll = true }
    }
    wakeUp.signal()
  }

  func waitForEnd() {
    end.wait()
    // Whoever waits beside gets through as well.
    end.signal()
  }

  var load: GenerationLoad { state.withLock { $0.load } }

  // MARK: - The engine's thread

  /// What is new; blocks while there is nothing to do. nil: drained, the thread is to end.
  func wait(isBusy: Bool) -> News? {
    while true {
      let (news, isDraining) = state.withLock { state in
        let news = state.news
        state.news = News()
        return (news, state.isDraining)
      }
      if isBusy || !news.submissions.isEmpty { return news }
      if isDraining {
        end.signal()
        return nil
      }
      // Cancellations of what has ended already need nobody.
      wakeUp.wait()
    }
  }

  func report(_ load: GenerationLoad) {
    state.withLock { state in
      state.load = load
      state.load.queued += state.news.submissions.count
    }
  }
}
