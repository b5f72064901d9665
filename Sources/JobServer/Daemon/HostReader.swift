internal import Foundation
internal import JobAPI
internal import Kernels

/// What the machine is and has, read from the kernel each time.
enum HostReader {
  /// The processor's name by `/proc/cpuinfo`.
  static let processorName: String = {
    let text = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
    for line in text.split(separator: "\n") where line.hasPrefix("model name") {
      return line.split(separator: ":").last.map { $0.trimmingCharacters(in: .whitespaces) }
        ?? "unknown"
    }
    return "unknown"
  }()

  /// - Parameter dataFolder: whose file system's free space is told.
  static func facts(dataFolder: String, threads: Int) -> HostFacts {
    HostFacts(
      cpu: processorName, simd: InstructionSet.active.rawValue, threads: threads,
      memoryTotalBytes: Int64(ProcessInfo.processInfo.physicalMemory),
      memoryFreeBytes: Int64(clamping: JobEnvironment.availableBytes),
      diskFreeBytes: freeBytes(of: dataFolder))
  }

  private static func freeBytes(of folder: String) -> Int64? {
    var status = statvfs()
    guard statvfs(folder, &status) == 0 else { return nil }
    return Int64(clamping: UInt64(status.f_bavail) * UInt64(status.f_frsize))
  }
}
