internal import Checkpoints
internal import Foundation
internal import JobStore
internal import Jobs
internal import Transformer
internal import WorkerPool

extension JobEnvironment {
  /// Tells the store of a model that a job has made, which is found by the job's id from then on.
  ///
  /// - Parameters:
  ///   - folder: where the model lies, whole. - files: of it, the job's artifacts.
  /// - Returns: the record, with the SHA-256 of the weights as its fingerprint.
  func record(
    modelAt folder: URL, files: [String], configuration: ModelConfiguration, of running: RunningJob
  ) throws -> ModelRecord {
    for name in files {
      running.addArtifact(
        try Artifact(file: folder.appendingPathComponent(name), in: self.folder))
    }
    let weights = folder.appendingPathComponent("model.safetensors")
    let job = running.job
    let record = ModelRecord(
      id: ModelID.make(at: .now()), jobID: job.id, name: job.name.isEmpty ? job.id.text : job.name,
      path: self.folder.relativePath(folder), configuration: try JSONValue(encoding: configuration),
      parameterCount: Int64(configuration.parameterCount),
      bytes: Int64(try weights.resourceValues(forKeys: [.fileSizeKey]).fileSize ?? 0),
      fingerprint: try ChecksumList.digest(ofFile: weights.path), createdAt: .now())
    running.addModel(record)
    return record
  }
}
