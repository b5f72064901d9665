internal import CMicrohttpd
internal import Synchronization

/// A reply without a known end, such as server-sent events.
///
/// The server pulls: it calls `next` whenever the client can take more. `.wait` lays the connection
/// aside, without a thread, until `wake()`. Nothing is buffered beyond one chunk, so that a slow
/// client slows its own stream only.
package final class HTTPStream: Sendable {
  package enum Chunk: Sendable {
    /// More than was asked for is allowed, and sent in parts. Empty means `wait`.
    case data([UInt8])
    /// Nothing now; `wake()` follows when there is.
    case wait
    case end
  }

  private struct State: ~Copyable {
    var suspended: SuspendedConnection?
    /// `wake()` came since the last pull began.
    var isWoken = false
    var isEnding = false
    var isClientGone = false
    var isClosed = false
    /// Of the server's tick, in seconds; when bytes were last handed over.
    var lastSentSecond = 0
    var keepAliveIsDue = false
  }

  private let state = Mutex(State())
  /// The part of the last chunk that is still to be sent. Its own mutex, as `next` runs without any.
  private let leftover = Mutex<ArraySlice<UInt8>>([])
  private let keepAlive: [UInt8]
  private let next: @Sendable (_ bytesMax: Int) -> Chunk
  private let onClose: @Sendable () -> Void

  /// - Parameters:
  ///   - keepAlive: sent when nothing else was for the configuration's `streamKeepAliveSeconds`;
  ///     the default is a comment of an event stream.
  ///   - onClose: called once, when the stream has ended or its client has left.
  ///   - next: called by one thread at a time, and without any lock held. It must not block.
  package init(
    keepAlive: [UInt8] = Array(": keep-alive\n\n".utf8),
    onClose: @escaping @Sendable () -> Void = {},
    next: @escaping @Sendable (_ bytesMax: Int) -> Chunk
  ) {
    precondition(!keepAlive.isEmpty, "only a stream that writes now and then sees its client go")
    self.keepAlive = keepAlive
    self.next = next
    self.onClose = onClose
  }

  deinit { close() }

  /// There may be more to send. Cheap, and safe on any thread at any time.
  package func wake() {
    state.withLock { state in
      state.isWoken = true
      state.suspended = nil
    }
  }

  /// Ends the stream at its next pull: what the producer has not handed over yet is not sent.
  func end() {
    state.withLock { state in
      state.isEnding = true
      state.suspended = nil
    }
  }

  /// The client's socket is closed; the connection's thread shall notice.
  func clientLeft() {
    state.withLock { state in
      state.isClientGone = true
      state.suspended = nil
    }
  }

  /// - Parameter second: the server's monotonic clock.
  func sendKeepAliveIfDue(at second: Int, interval: Int) {
    state.withLock { state in
      guard state.suspended != nil, second - state.lastSentSecond >= interval else { return }
      state.keepAliveIsDue = true
      state.suspended = nil
    }
  }

  func close() {
    let isFirst = state.withLock { state in
      defer { state.isClosed = true }
      return !state.isClosed
    }
    if isFirst { onClose() }
  }

  enum Pulled { case bytes(Int), suspended, end, clientGone }

  /// Fills `buffer`, or suspends the connection. On the connection's own thread.
  func pull(
    into buffer: UnsafeMutableRawBufferPointer, connection: OpaquePointer, second: Int
  ) -> Pulled {
    while true {
      if let count = takeLeftover(into: buffer) { return handedOver(count, at: second) }
      enum Plan { case ask, keepAlive, end, clientGone }
      let plan: Plan = state.withLock { state in
        state.isWoken = false
        defer { state.keepAliveIsDue = false }
        if state.isClientGone { return .clientGone }
        if state.isEnding { return .end }
        return state.keepAliveIsDue ? .keepAlive : .ask
      }
      switch plan {
      case .clientGone: return .clientGone
      case .end: return .end
      case .ask, .keepAlive: break
      }
      switch next(buffer.count) {
      case .end: return .end
      case .data(let bytes) where !bytes.isEmpty: leftover.withLock { $0 = bytes[...] }
      case .data, .wait:
        if plan == .keepAlive {
          leftover.withLock { $0 = keepAlive[...] }
        } else if suspend(connection, at: second) {
          return .suspended
        }
      }
    }
  }

  private func takeLeftover(into buffer: UnsafeMutableRawBufferPointer) -> Int? {
    leftover.withLock { leftover in
      guard !leftover.isEmpty else { return nil }
      let part = leftover.prefix(buffer.count)
      buffer.copyBytes(from: part)
      leftover = leftover.dropFirst(part.count)
      return part.count
    }
  }

  private func handedOver(_ count: Int, at second: Int) -> Pulled {
    state.withLock { $0.lastSentSecond = second }
    return .bytes(count)
  }

  /// False when something happened since the pull began, so that it must be repeated.
  private func suspend(_ connection: OpaquePointer, at second: Int) -> Bool {
    state.withLock { state in
      if state.isWoken || state.isEnding || state.isClientGone { return false }
      if state.lastSentSecond == 0 { state.lastSentSecond = second }
      state.suspended = SuspendedConnection(suspending: connection)
      return true
    }
  }
}
