// Many requests at a time on one thread, over libcurl's multi interface.
//
// The caller owns the loop: it starts requests and waits; the replies that are complete come back
// from the wait. Nothing here knows of retries, limits or time: that is the caller's.

internal import CCurl
internal import Foundation

/// Requests in flight. One thread at a time may use it.
///
/// Connections are kept and shared; over TLS, HTTP/2 streams are.
package final class ConcurrentTransfers {
  /// One request that has ended.
  package struct Completion {
    /// The number that it was started with.
    package let tag: Int
    /// Any reply, whatever its status.
    package let result: Result<HTTPClient.Response, HTTPClientError>
  }

  /// A handle, and what it is busy with.
  private final class Flight {
    var tag = 0
    var transfer: Transfer?
    var handle = CurlHandle()
  }

  /// Bytes that are read at a time; replies with log-probabilities have a hundred thousand.
  private static let receiveBytes = 64 << 10

  private let multi: UnsafeMutableRawPointer
  private let watch = SocketWatch()
  /// Of the last request: most go to the same address.
  private var lastTarget: (url: String, host: String)?
  private var flights: [UnsafeMutableRawPointer: Flight] = [:]
  private var handles: [Int: UnsafeMutableRawPointer] = [:]
  private var idle: [Flight] = []
  /// Requests that could not even be started.
  private var stillborn: [Completion] = []

  /// - Parameter connectionsMax: open at a time, to all servers together.
  package init(connectionsMax: Int) {
    guard let multi = curl_multi_init() else { preconditionFailure("out of memory") }
    self.multi = multi
    watch.follow(multi)
    curl_shim_multi_set_long(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, connectionsMax)
    curl_shim_multi_set_long(multi, CURLMOPT_MAXCONNECTS, connectionsMax)
  }

  deinit {
    for (handle, _) in flights { curl_multi_remove_handle(multi, handle) }
    flights = [:]
    idle = []
    curl_multi_cleanup(multi)
  }

  /// Ends a `wait`.
  package var waker: TransferWaker { watch.waker }

  /// Requests that have started and not ended.
  package var inFlight: Int { flights.count + stillborn.count }

  /// Starts a request; what becomes of it comes from `wait` under its `tag`, which no other
  /// request in flight has.
  package func start(_ request: HTTPClient.Request, tag: Int) {
    precondition(handles[tag] == nil, "two requests in flight cannot have one tag")
    let host: String
    do throws(HTTPClientError) {
      host = try self.host(of: request)
    } catch {
      stillborn.append(Completion(tag: tag, result: .failure(error)))
      return
    }
    let flight = idle.popLast() ?? Flight()
    let transfer = Transfer(request)
    flight.tag = tag
    flight.transfer = transfer
    flight.handle.prepare(request, transfer, host: host)
    let key = flight.handle.handle
    // Compression is worth its time on a network only.
    if !HTTPClient.isLoopback(host) { curl_shim_set_pointer(key, CURLOPT_ACCEPT_ENCODING, "") }
    curl_shim_set_long(key, CURLOPT_BUFFERSIZE, Self.receiveBytes)
    curl_shim_set_long(key, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_2TLS)
    // Rather a stream of a connection that is being made than a connection of its own.
    curl_shim_set_long(key, CURLOPT_PIPEWAIT, request.url.hasPrefix("https:") ? 1 : 0)
    request.body?.withUnsafeBytes { flight.handle.setBody($0, .copied) }
    flights[key] = flight
    handles[tag] = key
    curl_multi_add_handle(multi, key)
  }

  /// Ends a request whose reply nobody waits for any more; unknown tags are passed over.
  package func cancel(_ tag: Int) {
    guard let key = handles.removeValue(forKey: tag), let flight = flights.removeValue(forKey: key)
    else { return }
    curl_multi_remove_handle(multi, key)
    rest(flight)
  }

  private func host(of request: HTTPClient.Request) throws(HTTPClientError) -> String {
    if let lastTarget, lastTarget.url == request.url { return lastTarget.host }
    let host = try HTTPClient.host(of: request)
    lastTarget = (request.url, host)
    return host
  }

  /// Sends and receives for `secondsMax`, or until something has happened: a request has ended, or
  /// only come nearer to its end, or `waker` was used.
  package func wait(secondsMax: Double) -> [Completion] {
    var running: Int32 = 0
    // Requests that were started begin here.
    if watch.takeDue() { curl_multi_socket_action(multi, CURL_SOCKET_BAD, 0, &running) }
    var ended = takeEnded()
    for ready in watch.wait(secondsMax: ended.isEmpty ? secondsMax : 0) {
      curl_multi_socket_action(multi, ready.socket, ready.actions, &running)
    }
    if watch.takeDue() { curl_multi_socket_action(multi, CURL_SOCKET_BAD, 0, &running) }
    ended += takeEnded()
    return ended
  }

  private func takeEnded() -> [Completion] {
    var ended = stillborn
    stillborn = []
    var left: Int32 = 0
    while let message = curl_multi_info_read(multi, &left) {
      guard message.pointee.msg == CURLMSG_DONE, let key = message.pointee.easy_handle else {
        continue
      }
      // Read before the handle is removed, which frees the message.
      let code = message.pointee.data.result
      curl_multi_remove_handle(multi, key)
      guard let flight = flights.removeValue(forKey: key) else { continue }
      handles[flight.tag] = nil
      let outcome = flight.handle.outcome(code)
      if let transfer = flight.transfer {
        ended.append(
          Completion(
            tag: flight.tag,
            result: transfer.failure(outcome).map { .failure($0) } ?? .success(transfer.response)))
      }
      rest(flight)
    }
    return ended
  }

  /// Keeps the handle for another request, and nothing of its reply.
  private func rest(_ flight: Flight) {
    flight.transfer = nil
    idle.append(flight)
  }
}
