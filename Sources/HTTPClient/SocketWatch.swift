internal import CCurl
internal import Dispatch

#if canImport(Glibc)
  internal import Glibc
#endif

/// Ends a wait of `ConcurrentTransfers` from any thread.
package final class TransferWaker: Sendable {
  let descriptor: Int32

  init() {
    descriptor = eventfd(0, Int32(EFD_NONBLOCK | EFD_CLOEXEC))
    precondition(descriptor >= 0, "no descriptor is left")
  }

  deinit { close(descriptor) }

  /// Ends the wait that is on, or the next one.
  package func wake() {
    var one: UInt64 = 1
    _ = write(descriptor, &one, 8)
  }

  func clear() {
    var count: UInt64 = 0
    _ = read(descriptor, &count, 8)
  }
}

/// Which sockets libcurl waits for, and until when.
///
/// libcurl tells by callbacks; an epoll keeps it, so that a wait costs what has happened, and not a
/// look at every request in flight.
final class SocketWatch {
  struct Ready {
    let socket: Int32
    /// What libcurl calls it: CURL_CSELECT_IN, …
    let actions: Int32
  }

  let waker = TransferWaker()
  private let epoll: Int32
  private var events = [epoll_event](repeating: epoll_event(), count: 256)
  /// Sockets that nobody waits for since the last wait. Most are those of a connection that takes
  /// another request at once: they stay where they are until then.
  private var leaving: Set<Int32> = []
  /// When libcurl wants to be called, in nanoseconds of the system's uptime; nil for never.
  private var due: UInt64?

  init() {
    epoll = epoll_create1(Int32(EPOLL_CLOEXEC))
    precondition(epoll >= 0, "no descriptor is left")
    control(EPOLL_CTL_ADD, waker.descriptor, EPOLLIN.rawValue)
  }

  deinit { close(epoll) }

  /// Has libcurl's callbacks tell this object, which must outlive `multi`.
  func follow(_ multi: UnsafeMutableRawPointer) {
    let context = Unmanaged.passUnretained(self).toOpaque()
    curl_shim_multi_set_watchers(multi, watchSocket, watchTime, context)
  }

  /// Whether the time that libcurl asked for has come; it is told once.
  func takeDue() -> Bool {
    guard let due, due <= DispatchTime.now().uptimeNanoseconds else { return false }
    self.due = nil
    return true
  }

  /// Waits until a socket is ready, libcurl's time has come, or somebody wakes it.
  func wait(secondsMax: Double) -> [Ready] {
    var milliseconds = min(max(0, secondsMax * 1000), 60_000)
    if let due {
      let now = DispatchTime.now().uptimeNanoseconds
      milliseconds = min(milliseconds, due <= now ? 0 : Double(due - now) * 1e-6)
    }
    for socket in leaving { control(EPOLL_CTL_DEL, socket, 0) }
    leaving.removeAll(keepingCapacity: true)
    let count = epoll_wait(
      epoll, &events, Int32(events.count), Int32(milliseconds.rounded(.up)))
    var ready: [Ready] = []
    for event in events.prefix(Int(max(0, count))) {
      guard event.data.fd != waker.descriptor else {
        waker.clear()
        continue
      }
      var actions: Int32 = 0
      if event.events & EPOLLIN.rawValue != 0 { actions |= CURL_CSELECT_IN }
      if event.events & EPOLLOUT.rawValue != 0 { actions |= CURL_CSELECT_OUT }
      if event.events & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0 { actions |= CURL_CSELECT_ERR }
      ready.append(Ready(socket: event.data.fd, actions: actions))
    }
    return ready
  }

  fileprivate func want(_ socket: Int32, _ what: Int32) {
    switch what {
    case CURL_POLL_IN: set(socket, EPOLLIN.rawValue)
    case CURL_POLL_OUT: set(socket, EPOLLOUT.rawValue)
    case CURL_POLL_INOUT: set(socket, EPOLLIN.rawValue | EPOLLOUT.rawValue)
    default: leaving.insert(socket)
    }
  }

  fileprivate func want(after milliseconds: Int) {
    due =
      milliseconds < 0
      ? nil : DispatchTime.now().uptimeNanoseconds + UInt64(milliseconds) * 1_000_000
  }

  private func set(_ socket: Int32, _ wanted: UInt32) {
    leaving.remove(socket)
    // A socket that was closed is unknown to the epoll, whoever has its number now.
    if control(EPOLL_CTL_MOD, socket, wanted) != 0 { control(EPOLL_CTL_ADD, socket, wanted) }
  }

  @discardableResult
  private func control(_ operation: Int32, _ socket: Int32, _ wanted: UInt32) -> Int32 {
    var event = epoll_event()
    event.events = wanted
    event.data.fd = socket
    return epoll_ctl(epoll, operation, socket, &event)
  }
}

private func watchSocket(
  handle: UnsafeMutableRawPointer?, socket: curl_socket_t, what: Int32,
  context: UnsafeMutableRawPointer?, known: UnsafeMutableRawPointer?
) -> Int32 {
  guard let context else { return 0 }
  Unmanaged<SocketWatch>.fromOpaque(context).takeUnretainedValue().want(socket, what)
  return 0
}

private func watchTime(
  multi: UnsafeMutableRawPointer?, milliseconds: Int, context: UnsafeMutableRawPointer?
) -> Int32 {
  guard let context else { return 0 }
  Unmanaged<SocketWatch>.fromOpaque(context).takeUnretainedValue().want(after: milliseconds)
  return 0
}
