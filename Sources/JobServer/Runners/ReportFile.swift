internal import Checkpoints
internal import Evaluation
internal import Foundation
internal import Jobs
internal import Transformer
internal import WorkerPool

extension JobEnvironment {
  /// Writes `report` as a file of the job, lists it as an artifact, and links it in the root.
  ///
  /// - Returns: what was written, for the job's result.
  @discardableResult
  func writeReport(
    _ report: some Encodable, _ name: String, of running: RunningJob
  ) throws -> JSONValue {
    let data = try ReportJSON.encode(report)
    try writeFile(data, name, of: running)
    return try JSONValue(parsing: Array(data))
  }

  /// The same for bytes of any kind.
  func writeFile(_ data: Data, _ name: String, of running: RunningJob) throws {
    let url = try folder.folder(of: running.job.id).appendingPathComponent(name)
    try AtomicFile.write(data, to: url)
    running.addArtifact(try Artifact(file: url, in: folder))
    try folder.publish(name, of: running.job.id)
  }

  /// Refuses texts that are longer than a model's context.
  func requireLength(_ tokens: Int, of configuration: ModelConfiguration) throws {
    guard tokens <= configuration.maxPositionEmbeddings else {
      throw Problem(
        type: "urn:bitnet:problem:too-long", title: "The text is longer than the model's context",
        detail: "\(tokens) tokens are needed, max_position_embeddings is "
          + "\(configuration.maxPositionEmbeddings)")
    }
  }
}

/// What this process has in memory, by the kernel's account.
enum ProcessMemory {
  /// Most bytes that were resident since the start, or since `resetPeak`; nil where it cannot be
  /// read.
  static var peakResidentBytes: Int? { status("VmHWM:") }

  /// Bytes that are resident now.
  static var residentBytes: Int? { status("VmRSS:") }

  /// Starts the peak anew from what is resident now (Linux 4.0 and newer).
  static func resetPeak() {
    try? "5".write(toFile: "/proc/self/clear_refs", atomically: false, encoding: .utf8)
  }

  private static func status(_ key: String) -> Int? {
    guard let text = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8) else {
      return nil
    }
    for line in text.split(separator: "\n") where line.hasPrefix(key) {
      return line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) }
        .map { $0 << 10 }
    }
    return nil
  }
}
