internal import CMicrohttpd
internal import Dispatch
internal import Synchronization

/// What libmicrohttpd's callbacks work on.
final class ServerCore: Sendable {
  let configuration: HTTPServerConfiguration
  let registry = ConnectionRegistry()
  private let handler: @Sendable (HTTPRequest, HTTPExchange) -> Void
  private let isStopping = Atomic(false)
  /// Requests that a handler has seen and whose reply is not sent yet.
  private let inFlight = DispatchGroup()

  init(
    configuration: HTTPServerConfiguration,
    handler: @escaping @Sendable (HTTPRequest, HTTPExchange) -> Void
  ) {
    self.configuration = configuration
    self.handler = handler
  }

  func handle(_ request: HTTPRequest, _ exchange: HTTPExchange) {
    inFlight.enter()
    if isStopping.load(ordering: .relaxed) {
      exchange.respond(Refusal.stopping.response)
    } else {
      handler(request, exchange)
    }
  }

  func handledRequestEnded() { inFlight.leave() }

  /// No handler is asked any more, and streams end.
  func refuseNewWork() {
    isStopping.store(true, ordering: .relaxed)
    registry.endStreams()
  }

  /// Waits until all replies are sent, but no longer than that.
  func drain(seconds: Double) {
    _ = inFlight.wait(timeout: .now() + seconds)
  }

  func reply(_ response: HTTPResponse, on connection: OpaquePointer) -> MHD_Result {
    if let built = MicrohttpdResponse(response, on: connection, registry: registry) {
      return built.queue(on: connection, status: response.status)
    }
    let broken = Refusal.brokenReply.response
    return MicrohttpdResponse(broken, on: connection, registry: registry)?
      .queue(on: connection, status: broken.status) ?? .NO
  }

  func connection(of connection: OpaquePointer) -> ClientConnection? {
    mhd_shim_socket_context(connection).map {
      Unmanaged<ClientConnection>.fromOpaque($0).takeUnretainedValue()
    }
  }

  func isAnswering(_ connection: OpaquePointer) {
    self.connection(of: connection)?.awaitingRequestSince.store(0, ordering: .relaxed)
  }

  func awaitsRequest(_ connection: OpaquePointer) {
    self.connection(of: connection)?.awaitingRequestSince.store(
      monotonicSecond(), ordering: .relaxed)
  }
}
