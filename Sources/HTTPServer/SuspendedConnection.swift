internal import CMicrohttpd

/// A connection that libmicrohttpd has laid aside until the reply, or its next part, is there.
///
/// Resuming a connection twice, or one that was not suspended, corrupts libmicrohttpd's lists, and
/// one that is still suspended when the daemon stops ends the process. So this value cannot be
/// copied, and the connection resumes when its one owner lets go of it.
// Sendable: MHD_resume_connection may be called on any thread, and nothing else is done here.
struct SuspendedConnection: ~Copyable, @unchecked Sendable {
  private let connection: OpaquePointer

  /// - Parameter connection: an `MHD_Connection` in whose access handler or content reader this
  ///   thread is now; both are the only places where libmicrohttpd allows it.
  init(suspending connection: OpaquePointer) {
    MHD_suspend_connection(connection)
    self.connection = connection
  }

  consuming func resume() {}

  deinit { MHD_resume_connection(connection) }
}
