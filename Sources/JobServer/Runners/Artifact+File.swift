internal import Checkpoints
internal import Foundation
internal import Jobs

extension Artifact {
  /// What `file`, under the data folder, is now; its name is the path below the job's folder.
  init(file: URL, in folder: DataFolder, name: String? = nil) throws {
    let bytes = try FileManager.default.attributesOfItem(atPath: file.path)[.size] as? Int64
    self.init(
      name: name ?? file.lastPathComponent, path: folder.relativePath(file), bytes: bytes ?? 0,
      sha256: try ChecksumList.digest(ofFile: file.path), mediaType: Self.mediaType(of: file),
      createdAt: .now())
  }

  private static func mediaType(of file: URL) -> String {
    switch file.pathExtension {
    case "json": "application/json"
    case "html": "text/html; charset=utf-8"
    case "svg": "image/svg+xml"
    case "parquet": "application/vnd.apache.parquet"
    default: "application/octet-stream"
    }
  }
}
