internal import Foundation
internal import Synchronization

/// Everything that lives longer than one call from libmicrohttpd, for the timer and for the stop.
///
/// libmicrohttpd looks after idle connections. Three things it does not see: a client that sends
/// its request a byte at a time for ever, a client that has left while its connection was
/// suspended, and a stream that must say something. `tick` does those, once a second.
final class ConnectionRegistry: Sendable {
  private struct State {
    var connections: [ObjectIdentifier: ClientConnection] = [:]
    var streams: [ObjectIdentifier: (stream: HTTPStream, socket: Int32)] = [:]
    var owed: [ObjectIdentifier: (exchange: HTTPExchange, socket: Int32)] = [:]
    var streamsMayLive = true
    var repliesMayWait = true
  }

  private let state = Mutex(State())

  func opened(_ connection: ClientConnection) {
    state.withLock { $0.connections[ObjectIdentifier(connection)] = connection }
  }

  /// Called before the socket closes, so that no other connection can have its number yet.
  func closed(_ connection: ClientConnection) {
    state.withLock { $0.connections[ObjectIdentifier(connection)] = nil }
  }

  func began(_ stream: HTTPStream, socket: Int32) {
    let mayLive = state.withLock { state in
      state.streams[ObjectIdentifier(stream)] = (stream, socket)
      return state.streamsMayLive
    }
    if !mayLive { stream.end() }
  }

  func ended(_ stream: HTTPStream) {
    state.withLock { $0.streams[ObjectIdentifier(stream)] = nil }
  }

  func owes(_ exchange: HTTPExchange, socket: Int32) {
    let mayWait = state.withLock { state in
      state.owed[ObjectIdentifier(exchange)] = (exchange, socket)
      return state.repliesMayWait
    }
    if !mayWait { exchange.respond(Refusal.stopping.response) }
  }

  func settled(_ exchange: HTTPExchange) {
    state.withLock { $0.owed[ObjectIdentifier(exchange)] = nil }
  }

  /// Ends all streams, and from now on each new one at once.
  func endStreams() {
    let streams = state.withLock { state in
      state.streamsMayLive = false
      return state.streams.values.map(\.stream)
    }
    for stream in streams { stream.end() }
  }

  /// Answers 503 to whoever waits, and from now on to whoever would.
  func giveUpOwedReplies() {
    let owed = state.withLock { state in
      state.repliesMayWait = false
      return state.owed.values.map(\.exchange)
    }
    for exchange in owed { exchange.respond(Refusal.stopping.response) }
  }

  func tick(second: Int, configuration: HTTPServerConfiguration) {
    let (streams, owed) = state.withLock { state in
      for connection in state.connections.values {
        let since = connection.awaitingRequestSince.load(ordering: .relaxed)
        guard since != 0, second - since > configuration.requestSecondsMax else { continue }
        // libmicrohttpd then reads the end of the connection, and closes it on its own thread.
        // Under the lock, because afterwards the number may be another connection's.
        shutdown(connection.socket, Int32(SHUT_RDWR))
      }
      return (Array(state.streams.values), Array(state.owed.values))
    }
    let polls = hangUps(of: streams.map(\.socket) + owed.map(\.socket))
    for (entry, hungUp) in zip(owed, polls[streams.count...]) where hungUp {
      entry.exchange.clientLeft()
    }
    for (entry, hungUp) in zip(streams, polls) {
      if hungUp {
        entry.stream.clientLeft()
      } else {
        entry.stream.sendKeepAliveIfDue(
          at: second, interval: configuration.streamKeepAliveSeconds)
      }
    }
  }

  /// Which of these sockets' peers have closed. A socket that was closed and reused meanwhile
  /// gives a wrong answer about a stream that is over, which changes nothing.
  private func hangUps(of sockets: [Int32]) -> [Bool] {
    // POLLRDHUP, which Glibc's module hides: the peer will send no more.
    let asked: Int16 = 0x2000
    var polls = sockets.map { pollfd(fd: $0, events: asked, revents: 0) }
    guard poll(&polls, nfds_t(polls.count), 0) > 0 else {
      return Array(repeating: false, count: sockets.count)
    }
    let gone = asked | Int16(POLLHUP) | Int16(POLLERR)
    return polls.map { $0.revents & gone != 0 }
  }
}

/// Whole seconds of the monotonic clock, never 0.
func monotonicSecond() -> Int {
  var time = timespec()
  clock_gettime(CLOCK_MONOTONIC, &time)
  return max(1, time.tv_sec)
}
