// HTTP/1.1 over libmicrohttpd: requests in; bytes, files and streams out.
//
// libmicrohttpd's threads, `threadCount` of them with an epoll each, read requests and write
// replies. A handler runs on such a thread and must not block it. A reply that is not there yet,
// and a stream that has nothing to say, leave their connection suspended, which costs memory but
// no thread.
//
//   - MicrohttpdDaemon holds the library's handle and its callbacks;
//   - Transaction follows one request, RequestHead decides what is a request at all;
//   - HTTPExchange and HTTPStream are what a handler answers with, from any thread;
//   - ConnectionRegistry knows who is there, for the timer and the stop.

internal import Synchronization

/// A running server. It stops when `stop` is called, or when the last reference to it goes away.
package final class HTTPServer: Sendable {
  /// The port that it listens on.
  package let port: UInt16
  private let core: ServerCore
  private let daemon: Mutex<MicrohttpdDaemon?>
  private let ticker: SecondTicker

  /// Listens from here on.
  ///
  /// - Parameter handler: called once per well-formed request, on one of `threadCount` threads. It
  ///   answers through the exchange, now or later, and never blocks for long.
  package init(
    configuration: HTTPServerConfiguration,
    handler: @escaping @Sendable (HTTPRequest, HTTPExchange) -> Void
  ) throws(HTTPServerError) {
    precondition(configuration.threadCount >= 1, "threadCount must be 1 or more")
    let core = ServerCore(configuration: configuration, handler: handler)
    let socket = try ListeningSocket(host: configuration.host, port: configuration.port)
    port = socket.port
    self.core = core
    daemon = Mutex(try MicrohttpdDaemon(core, on: socket))
    ticker = SecondTicker {
      core.registry.tick(second: monotonicSecond(), configuration: core.configuration)
    }
  }

  deinit { stop(graceSeconds: 0) }

  /// Stops listening, ends all streams, answers 503 to new requests, waits for the replies that are
  /// owed, and closes every connection. Does nothing the second time.
  ///
  /// Never from a handler: it waits for the handlers' own threads.
  ///
  /// - Parameter graceSeconds: how long to wait for owed replies; then they are answered 503.
  package func stop(graceSeconds: Double = 5) {
    guard let daemon = daemon.withLock({ $0.take() }) else { return }
    daemon.stopListening()
    core.refuseNewWork()
    core.drain(seconds: graceSeconds)
    core.registry.giveUpOwedReplies()
    // Only the sending is left, and a client that does not read must not hold us up.
    core.drain(seconds: 1)
    daemon.stop()
    ticker.stop()
  }
}
