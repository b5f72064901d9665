package import ArtifactStore
internal import Foundation
internal import JobAPI
package import JobStore
internal import Jobs
package import Kernels

/// What every runner works with.
package struct JobEnvironment: Sendable {
  package let store: JobStore
  package let folder: DataFolder
  package let paths: ReadablePaths
  /// The threads that this job computes with.
  package var team: ComputeTeam
  /// What the machine can do, measured when the first training asks.
  package let machine = MachineMeasurement()
  /// Where finished jobs' files also go; nil keeps them in the data folder only.
  package let remote: (any ArtifactStore)?

  package init(
    store: JobStore, folder: DataFolder, paths: ReadablePaths, team: ComputeTeam,
    remote: (any ArtifactStore)? = nil
  ) {
    self.remote = remote
    self.store = store
    self.folder = folder
    self.paths = paths
    self.team = team
  }
}

extension JobEnvironment {
  /// The folder of the model that a reference names.
  func modelFolder(_ reference: ModelReference) throws -> URL {
    folder.url(try modelRecord(reference).path)
  }

  /// The model that a reference names.
  ///
  /// - Throws: `Problem` when there is none (yet).
  func modelRecord(_ reference: ModelReference) throws -> ModelRecord {
    do {
      return try store.model(reference: reference.text)
    } catch StoreError.notFound {
      throw Problem(
        type: "urn:bitnet:problem:not-found", title: "There is no such model",
        detail: "\(reference.text) names no model; a job has one once it succeeded")
    }
  }
}
