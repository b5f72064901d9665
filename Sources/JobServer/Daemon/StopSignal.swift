internal import Foundation

/// SIGTERM and SIGINT, as something to wait for.
///
/// A handler and a POSIX semaphore, because a Dispatch source hears nothing in a process that was
/// started with these signals blocked, as one started from a Dispatch thread is.
enum StopSignal {
  // Unsafe, but made once before the handler is set, and only used by the two calls that POSIX
  // allows from any thread and from a handler.
  private nonisolated(unsafe) static let semaphore: UnsafeMutablePointer<sem_t> = {
    let semaphore = UnsafeMutablePointer<sem_t>.allocate(capacity: 1)
    sem_init(semaphore, 0, 0)
    return semaphore
  }()

  /// Catches them from now on, so that one that comes during the start is not lost.
  static func listen() {
    _ = semaphore
    var signals = sigset_t()
    sigemptyset(&signals)
    for number in [SIGTERM, SIGINT] {
      sigaddset(&signals, number)
      signal(number) { _ in sem_post(StopSignal.semaphore) }
    }
    pthread_sigmask(SIG_UNBLOCK, &signals, nil)
  }

  /// Returns when one of them came.
  static func wait() {
    while sem_wait(semaphore) != 0 && errno == EINTR {}
  }
}
