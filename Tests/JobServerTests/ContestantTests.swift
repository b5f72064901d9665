import Foundation
import Inference
import JobAPI
import JobStore
import Jobs
import Kernels
import Logging
import Testing

@testable import JobServer

struct ContestantTests {
  @Test
  func `Models that are judged are packed once, beside what serving keeps of them`() throws {
    let harness = try RoutesHarness()
    let record = try TinyModel.add(to: harness)
    let team = ComputeTeam(threadCount: 1)
    let environment = JobEnvironment(
      store: harness.store, folder: DataFolder(root: harness.folder),
      paths: ReadablePaths(base: harness.folder, roots: []), team: team)
    let folder = URL(filePath: harness.folder)
    func packedFiles() throws -> [String: Date?] {
      let packed = folder.appending(path: "packed")
      let files = try FileManager.default.contentsOfDirectory(
        at: packed, includingPropertiesForKeys: [.contentModificationDateKey])
      return try Dictionary(
        uniqueKeysWithValues: files.map {
          (
            $0.lastPathComponent,
            try $0.resourceValues(forKeys: [.contentModificationDateKey])
              .contentModificationDate
          )
        })
    }
    func logits(_ model: InferenceModel) throws -> [Float] {
      let session = InferenceSession(
        model: model, maximumSequences: 1, maximumLength: 8, team: team)
      return Array(try session.prefill([1, 2, 3], sequence: 0))
    }
    let models = EvalModels(student: try #require(ModelReference(record.id.text)))

    let first = try Contestant.all(models, environment) { _ in }
    let files = try packedFiles()
    #expect(files.count == 1)
    #expect(files.keys.allSatisfy { $0.hasPrefix("\(record.id.text)-bf16-") })
    // Serving keeps the embedding smaller: neither takes the other's file away.
    _ = try PackedModelCache(environment.folder, embeddings: .int8, logger: .init(label: "test"))
      .model(record, in: folder.appending(path: "model"), team: team)
    let second = try Contestant.all(models, environment) { _ in }
    #expect(try packedFiles().count == 2)
    #expect(try packedFiles().filter { files.keys.contains($0.key) } == files)

    let expected = try logits(
      try ModelFolder.packed(folder.appending(path: "model"), team: team))
    for contestant in first + second { #expect(try logits(contestant.model) == expected) }
  }
}
