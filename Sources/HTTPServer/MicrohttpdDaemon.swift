internal import CMicrohttpd
internal import Foundation

/// libmicrohttpd's threads, and the callbacks through which they reach a `ServerCore`.
///
/// It cannot be copied, so that it is stopped once.
// Sendable: its functions may be called on any thread but libmicrohttpd's own.
struct MicrohttpdDaemon: ~Copyable, @unchecked Sendable {
  private let daemon: OpaquePointer
  private let socket: ListeningSocket
  /// Retained for as long as a callback may come.
  private let core: Unmanaged<ServerCore>

  /// A connection's memory for its head's fields, 64 bytes each, and for the reply's head.
  private static let poolBytesBesideHead = 8 << 10

  init(_ core: ServerCore, on socket: consuming ListeningSocket) throws(HTTPServerError) {
    let configuration = core.configuration
    let context = Unmanaged.passRetained(core)
    var options = [
      MHD_OptionItem(.LISTEN_SOCKET, Int(socket.descriptor)),
      MHD_OptionItem(.CONNECTION_TIMEOUT, configuration.idleSecondsMax),
      MHD_OptionItem(
        .CONNECTION_LIMIT,
        DescriptorLimit.makeRoom(forConnections: configuration.connectionsMax)),
      MHD_OptionItem(
        .PER_IP_CONNECTION_LIMIT, configuration.connectionsPerAddressMax),
      MHD_OptionItem(
        .CONNECTION_MEMORY_LIMIT,
        configuration.headBytesMax + Self.poolBytesBesideHead),
    ]
    if configuration.threadCount > 1 {
      options.append(MHD_OptionItem(.THREAD_POOL_SIZE, configuration.threadCount))
    }
    options.append(MHD_OptionItem(.END, 0))
    let started = mhd_shim_start(
      MHD_USE_EPOLL_INTERNAL_THREAD.rawValue | MHD_ALLOW_SUSPEND_RESUME.rawValue,
      accessHandler, targetSeen, leaveEscaped, requestCompleted, connectionChanged,
      context.toOpaque(), &options)
    guard let started else {
      context.release()
      throw .notStarted(String(cString: strerror(errno)))
    }
    daemon = started
    self.core = context
    self.socket = socket
  }

  /// Accepts no connection any more. Those that there are go on.
  func stopListening() { MHD_quiesce_daemon(daemon) }

  /// Closes every connection and joins the threads.
  consuming func stop() {}

  deinit {
    // Otherwise libmicrohttpd closes the listening socket, whose number may be another's by the
    // time `socket` closes it.
    stopListening()
    MHD_stop_daemon(daemon)
    core.release()
  }
}

extension MHD_OptionItem {
  fileprivate init(_ option: MHD_OPTION, _ value: Int) {
    self.init(option: option, value: value, ptr_value: nil)
  }
}

private func core(_ context: UnsafeMutableRawPointer) -> ServerCore {
  Unmanaged<ServerCore>.fromOpaque(context).takeUnretainedValue()
}

private func transaction(_ context: UnsafeMutableRawPointer) -> Transaction {
  Unmanaged<Transaction>.fromOpaque(context).takeUnretainedValue()
}

/// The request line was read. What this returns is the request's own pointer from now on.
private func targetSeen(
  context: UnsafeMutableRawPointer?, target: UnsafePointer<CChar>?, connection: OpaquePointer?
) -> UnsafeMutableRawPointer? {
  guard let target else { return nil }
  let bytes = UnsafeRawBufferPointer(start: target, count: strlen(target))
  let transaction = Transaction(target: Array(bytes))
  // libmicrohttpd would now copy each pair of the query to the connection's memory, and 0.9.75
  // hangs when that is full. So it gets an empty query. The bytes are its own read buffer's, const
  // only in this signature.
  if let mark = bytes.firstIndex(of: UInt8(ascii: "?")) {
    UnsafeMutablePointer(mutating: target)[mark + 1] = 0
  }
  return Unmanaged.passRetained(transaction).toOpaque()
}

/// libmicrohttpd would turn %00 into the end of the string.
private func leaveEscaped(
  context: UnsafeMutableRawPointer?, connection: OpaquePointer?, text: UnsafeMutablePointer<CChar>?
) -> Int {
  text.map { strlen($0) } ?? 0
}

/// Called when the head is there, for each part of the body, when the request is there, and when
/// a suspended connection goes on.
private func accessHandler(
  context: UnsafeMutableRawPointer?, connection: OpaquePointer?, url: UnsafePointer<CChar>?,
  method: UnsafePointer<CChar>?, version: UnsafePointer<CChar>?,
  upload: UnsafePointer<CChar>?, uploadCount: UnsafeMutablePointer<Int>?,
  request: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
) -> MHD_Result {
  guard let context, let connection, let url, let method, let version, let uploadCount,
    let request = request?.pointee
  else { return .NO }
  let core = core(context)
  let transaction = transaction(request)
  if let upload, uploadCount.pointee > 0 {
    let bytes = UnsafeRawBufferPointer(start: upload, count: uploadCount.pointee)
    uploadCount.pointee = 0
    return transaction.bodyCame(bytes, of: core)
  }
  guard transaction.headIsRead else {
    return transaction.headEnded(
      CutRequestLine(method: method, url: url, version: version), on: connection, of: core)
  }
  core.isAnswering(connection)
  return transaction.requestEnded(on: connection, of: core)
}

private func requestCompleted(
  context: UnsafeMutableRawPointer?, connection: OpaquePointer?,
  request: UnsafeMutablePointer<UnsafeMutableRawPointer?>?, reason: MHD_RequestTerminationCode
) {
  guard let context, let connection, let pointer = request?.pointee else { return }
  request?.pointee = nil
  let core = core(context)
  core.awaitsRequest(connection)
  Unmanaged<Transaction>.fromOpaque(pointer).takeRetainedValue().ended(of: core)
}

private func connectionChanged(
  context: UnsafeMutableRawPointer?, connection: OpaquePointer?,
  client: UnsafeMutablePointer<UnsafeMutableRawPointer?>?,
  change: MHD_ConnectionNotificationCode
) {
  guard let context, let connection, let client else { return }
  let registry = core(context).registry
  if change == .CONNECTION_NOTIFY_STARTED {
    let opened = ClientConnection(connection, second: monotonicSecond())
    client.pointee = Unmanaged.passRetained(opened).toOpaque()
    registry.opened(opened)
  } else if let pointer = client.pointee {
    client.pointee = nil
    registry.closed(Unmanaged<ClientConnection>.fromOpaque(pointer).takeRetainedValue())
  }
}
