internal import Crypto
internal import Foundation
internal import Inference
internal import JobStore
internal import Jobs
internal import Kernels
internal import Logging

/// Models in the form that runs, kept in `packed/` of the data folder: a model is packed once, and
/// mapped from then on, so that its next start takes as long as reading what an answer needs.
struct PackedModelCache: Sendable {
  private let folder: URL
  private let embeddings: DenseWeights.Storage
  private let logger: Logger

  /// - Parameter embeddings: how a ternary model keeps embedding and head.
  init(_ folder: DataFolder, embeddings: DenseWeights.Storage, logger: Logger) {
    self.embeddings = embeddings
    self.folder = URL(filePath: folder.root).appending(path: "packed")
    self.logger = logger
  }

  /// The model of `record`, whose files lie in `source`.
  ///
  /// - Throws: a `Problem` that says what is wrong with them.
  func model(_ record: ModelRecord, in source: URL, team: ComputeTeam) throws -> InferenceModel {
    let file = folder.appending(
      path: prefix(record) + Self.name(of: source) + ".safetensors")
    if FileManager.default.fileExists(atPath: file.path) {
      do {
        return try PackedModelFile.open(file)
      } catch {
        // A cache: whatever is wrong with it, the model itself is still there.
        logger.warning("packed model not used", metadata: ["reason": "\(error)"])
      }
    }
    let model = try ModelFolder.packed(source, embeddings: embeddings, team: team)
    do {
      forget { $0.hasPrefix(prefix(record)) }
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
      try PackedModelFile.write(model, to: file)
      return try PackedModelFile.open(file)
    } catch {
      // A full disk costs only the time that the next start takes.
      logger.warning("model not kept in packed form", metadata: ["reason": "\(error)"])
      return model
    }
  }

  private func prefix(_ record: ModelRecord) -> String {
    "\(record.id.text)-\(embeddings.rawValue)-"
  }

  /// Removes what belongs to no model of the store.
  func sweep(_ store: JobStore) {
    forget { name in
      guard let id = name.split(separator: "-").first.flatMap({ ModelID(String($0)) }) else {
        return true
      }
      do throws(StoreError) {
        _ = try store.model(id)
        return false
      } catch .notFound(_) {
        return true
      } catch {
        return false
      }
    }
  }

  private func forget(_ isGone: (String) -> Bool) {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    for name in names where isGone(name) {
      try? FileManager.default.removeItem(at: folder.appending(path: name))
    }
  }

  /// Differs when a file of the model was changed in place, as an imported one can be.
  private static func name(of source: URL) -> String {
    var digest = SHA256()
    let keys: Set<URLResourceKey> = [.fileSizeKey, .contentModificationDateKey]
    let files =
      (try? FileManager.default.contentsOfDirectory(
        at: source, includingPropertiesForKeys: Array(keys))) ?? []
    for file in files.sorted(by: { $0.lastPathComponent < $1.lastPathComponent })
    where ["json", "safetensors"].contains(file.pathExtension) {
      let values = try? file.resourceValues(forKeys: keys)
      let time = values?.contentModificationDate?.timeIntervalSince1970 ?? 0
      digest.update(
        data: Data("\(file.lastPathComponent) \(values?.fileSize ?? 0) \(time)\n".utf8))
    }
    return digest.finalize().prefix(8).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }
      .joined()
  }
}

extension JobEnvironment {
  /// The model of `record` as jobs judge it: embedding and head in bf16, whatever serving keeps.
  ///
  /// - Throws: a `Problem` that says what is wrong with its files.
  func packedModel(_ record: ModelRecord) throws -> InferenceModel {
    try PackedModelCache(folder, embeddings: .bf16, logger: Logger(label: "bitnetd"))
      .model(record, in: folder.url(record.path), team: team)
  }
}
