package import Foundation
package import Jobs

/// The daemon's folder on disk: the database, one folder a job, and links to the newest results.
///
///     bitnet.sqlite
///     jobs/job_…/              everything that one job left
///       teacher_baseline.json  data/kd_shard_000.parquet …  checkpoints/<model>_step_<n>/ …
///     teacher_baseline.json -> jobs/job_…/teacher_baseline.json     (the newest of its name)
package struct DataFolder: Sendable {
  /// Absolute path.
  package let root: String

  package init(root: String) {
    self.root = URL(fileURLWithPath: root).standardizedFileURL.path
  }

  /// Where a job's files lie, relative to the root.
  package func relativePath(of job: JobID) -> String { "jobs/" + job.text }

  /// Where a job's files lie; made when it is not there.
  ///
  /// - Throws: `Problem` when the folder cannot be made.
  package func folder(of job: JobID) throws -> URL {
    try made(URL(fileURLWithPath: root).appendingPathComponent(relativePath(of: job)))
  }

  /// The same folder, made with all above it when it is not there.
  package func made(_ url: URL) throws -> URL {
    do {
      try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    } catch {
      throw Problem(
        type: "urn:bitnet:problem:storage", title: "The data folder cannot be written",
        detail: "\(url.path): \(error.localizedDescription)")
    }
    return url
  }

  /// A place under the root, as records keep it.
  package func relativePath(_ url: URL) -> String {
    let path = url.standardizedFileURL.path
    return path.hasPrefix(root + "/") ? String(path.dropFirst(root.count + 1)) : path
  }

  /// The absolute place of a path that a record names: relative to the root, or, for what was imported
  /// from outside it, absolute.
  package func url(_ path: String) -> URL {
    path.hasPrefix("/")
      ? URL(fileURLWithPath: path) : URL(fileURLWithPath: root).appendingPathComponent(path)
  }

  /// Makes `name` in the root a link to the job's file or folder of that name, in place of what an
  /// earlier job left. A link is renamed over the old one, so there is always one.
  package func publish(_ name: String, of job: JobID) throws {
    let aside = root + "/.link-\(job.text)-\(name)"
    _ = unlink(aside)
    guard symlink(relativePath(of: job) + "/" + name, aside) == 0,
      rename(aside, root + "/" + name) == 0
    else {
      let reason = String(cString: strerror(errno))
      _ = unlink(aside)
      throw Problem(
        type: "urn:bitnet:problem:storage", title: "The data folder cannot be written",
        detail: "\(root)/\(name): \(reason)")
    }
  }
}
