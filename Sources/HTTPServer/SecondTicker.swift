internal import Dispatch

/// Calls a closure once a second until it is stopped.
// Sendable: a dispatch source may be used on any thread, and is not replaced.
final class SecondTicker: @unchecked Sendable {
  private let source: any DispatchSourceTimer

  init(_ tick: @escaping @Sendable () -> Void) {
    source = DispatchSource.makeTimerSource(queue: DispatchQueue(label: "HTTPServer.tick"))
    source.setEventHandler(handler: tick)
    source.schedule(deadline: .now() + 1, repeating: 1, leeway: .milliseconds(200))
    source.activate()
  }

  func stop() { source.cancel() }
}
