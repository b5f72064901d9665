internal import Checkpoints
internal import Foundation
internal import JobAPI
internal import JobStore
internal import Jobs
internal import Transformer

/// Makes a checkpoint directory known; the files stay where they are.
struct ModelImporter {
  private let environment: JobEnvironment

  init(environment: JobEnvironment) {
    self.environment = environment
  }

  /// - Throws: `Problem` that names the file and what was expected of it.
  func run(_ request: ModelImport) throws -> ModelRecord {
    let folder =
      request.path.hasSuffix(".gguf")
      ? try GGUFFolder.make(
        from: environment.paths.resolve(request.path), in: environment.folder)
      : try environment.paths.resolve(folder: request.path)
    let configuration = try ModelFolder.configuration(in: folder)
    _ = try ModelFolder.tokenizer(in: folder)
    let weights = try ModelFolder.checkedWeights(in: folder, for: configuration)
    var bytes: Int64 = 0
    var digests: [String] = []
    for file in weights.filePaths {
      let attributes = try FileManager.default.attributesOfItem(atPath: file)
      bytes += attributes[.size] as? Int64 ?? 0
      digests.append(try ChecksumList.digest(ofFile: file))
    }
    let record = ModelRecord(
      id: .make(at: .now()), name: request.name.isEmpty ? folder.lastPathComponent : request.name,
      format: "huggingface", path: environment.folder.relativePath(folder),
      configuration: try JSONValue(encoding: configuration),
      parameterCount: Int64(configuration.parameterCount), bytes: bytes,
      fingerprint: digests.count == 1
        ? digests[0] : ChecksumList.digest(of: Data(digests.joined().utf8)),
      createdAt: .now())
    try environment.store.addModel(record)
    return record
  }
}
