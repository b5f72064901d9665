internal import Foundation

/// How many connections the operating system lets this process have.
enum DescriptorLimit {
  /// Descriptors for the rest of the process: database, files, pipes.
  private static let reserved = 256

  /// Raises the soft limit, 1,024 on most systems, as far as `wanted` connections need and the
  /// hard limit allows.
  ///
  /// - Returns: `wanted`, or the fewer that there is room for, at least 1.
  static func makeRoom(forConnections wanted: Int) -> Int {
    var limit = rlimit()
    let kind = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
    guard getrlimit(kind, &limit) == 0 else { return wanted }
    let needed = rlim_t(clamping: wanted + reserved)
    if limit.rlim_cur < needed {
      limit.rlim_cur = min(needed, limit.rlim_max)
      // When this fails, the limit stays as it was.
      setrlimit(kind, &limit)
      getrlimit(kind, &limit)
    }
    return max(1, min(wanted, Int(clamping: limit.rlim_cur) - reserved))
  }
}
