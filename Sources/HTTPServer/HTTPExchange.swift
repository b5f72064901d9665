internal import CMicrohttpd
internal import Synchronization

/// One request's claim to a reply.
///
/// A handler answers at once, or keeps the exchange and answers later from any thread: meanwhile
/// the connection costs no thread. Only the first reply counts. When the server stops, whoever has
/// not answered in time is answered 503 for them.
package final class HTTPExchange: Sendable {
  private enum State: ~Copyable {
    case handling
    case suspended(SuspendedConnection)
    case answered(HTTPResponse)
    case closed
  }

  private enum Client {
    case present(whenGone: (@Sendable () -> Void)?)
    case gone
  }

  private let state = Mutex(State.handling)
  private let client = Mutex(Client.present(whenGone: nil))

  init() {}

  /// Runs `action` once when the client leaves before it was answered, within about a second of
  /// that: work for it may end then. At once when it has left already. A reply is still owed.
  package func whenClientGone(_ action: @escaping @Sendable () -> Void) {
    let isGone = client.withLock { client in
      if case .gone = client { return true }
      client = .present(whenGone: action)
      return false
    }
    if isGone { action() }
  }

  /// The client's socket is closed while a reply is owed.
  func clientLeft() {
    let action = client.withLock { client -> (@Sendable () -> Void)? in
      guard case .present(let whenGone) = client else { return nil }
      client = .gone
      return whenGone
    }
    action?()
  }

  /// Sends `response`, unless the exchange was answered before or the client has left.
  package func respond(_ response: HTTPResponse) {
    state.withLock { state in
      switch consume state {
      case .handling: state = .answered(response)
      case .suspended(let connection):
        state = .answered(response)
        connection.resume()
      case .answered(let first): state = .answered(first)
      case .closed: state = .closed
      }
    }
  }

  /// The reply, or nil and the connection suspended until there is one.
  ///
  /// Called on the connection's own thread, in its access handler.
  func responseOrSuspend(_ connection: OpaquePointer) -> HTTPResponse? {
    state.withLock { state in
      switch consume state {
      case .answered(let response):
        state = .closed
        return response
      case .handling:
        state = .suspended(SuspendedConnection(suspending: connection))
        return nil
      case .suspended(let connection):
        state = .suspended(connection)
        return nil
      case .closed:
        state = .closed
        return nil
      }
    }
  }

  /// The request is over, answered or not.
  func close() {
    state.withLock { $0 = .closed }
    // What it holds on to is not needed any more.
    client.withLock { client in
      if case .present = client { client = .present(whenGone: nil) }
    }
  }
}
