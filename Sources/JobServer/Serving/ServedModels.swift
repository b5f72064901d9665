// Which models are in memory.
//
// A model is read when the first request asks for it, and stays until another needs its place: of
// those that nobody waits for, the one that was asked for longest ago goes. Requests that run keep
// their model, whatever happens here.

internal import Foundation
internal import Inference
internal import JobAPI
internal import JobStore
internal import Jobs
internal import Kernels
internal import Logging
internal import Synchronization

/// The models that answer requests, by what they are made of.
final class ServedModels: Sendable {
  typealias Receiver = @Sendable (Result<ServedModel, any Error>) -> Void

  private enum Entry {
    case loading([Receiver])
    case ready(ServedModel, lastUse: UInt64)
  }

  private struct State {
    var entries: [ModelID: Entry] = [:]
    var uses: UInt64 = 0
    var isClosed = false
  }

  private let environment: JobEnvironment
  private let packed: PackedModelCache
  private let limits: GenerationLimits
  private let residentMax: Int
  private let logger: Logger
  private let state = Mutex(State())
  /// Reads one model after the other: they would only fight for memory and disk.
  private let loader = DispatchQueue(label: "bitnetd.models")

  /// - Parameters:
  ///   - embeddings: how a ternary model keeps embedding and head.
  ///   - residentMax: models in memory at most, 1 or more.
  init(
    environment: JobEnvironment, limits: GenerationLimits, embeddings: DenseWeights.Storage,
    residentMax: Int, logger: Logger
  ) {
    self.environment = environment
    packed = PackedModelCache(environment.folder, embeddings: embeddings, logger: logger)
    self.limits = limits
    self.residentMax = residentMax
    self.logger = logger
    let (cache, store) = (packed, environment.store)
    loader.async { cache.sweep(store) }
  }

  /// The model that `name` means: an identifier, or the newest of that name.
  ///
  /// - Throws: 404.
  func record(_ name: String) throws -> ModelRecord {
    if ModelReference(name) != nil { return try environment.store.model(reference: name) }
    guard let record = try environment.store.model(named: name) else {
      throw ProblemKind.notFound.problem(
        "there is no model \"\(name)\"; GET /v1/models lists those that there are")
    }
    return record
  }

  /// Gives `receiver` the model, at once or on another thread when it has been read.
  func with(_ record: ModelRecord, _ receiver: @escaping Receiver) {
    enum Step { case give(ServedModel), load, wait, refuse }
    let step: Step = state.withLock { state in
      if state.isClosed { return .refuse }
      switch state.entries[record.id] {
      case .ready(let model, _)?:
        state.uses += 1
        state.entries[record.id] = .ready(model, lastUse: state.uses)
        return .give(model)
      case .loading(let receivers)?:
        state.entries[record.id] = .loading(receivers + [receiver])
        return .wait
      case nil:
        state.entries[record.id] = .loading([receiver])
        return .load
      }
    }
    switch step {
    case .give(let model): receiver(.success(model))
    case .wait: break
    case .load: loader.async { self.load(record) }
    case .refuse:
      receiver(.failure(ProblemKind.notAvailable.problem("the daemon is shutting down")))
    }
  }

  /// Ends all answers and takes no more requests.
  func close() {
    let entries = state.withLock { state in
      state.isClosed = true
      defer { state.entries = [:] }
      return Array(state.entries.values)
    }
    for case .ready(let model, _) in entries { model.engine.stop() }
  }

  private func load(_ record: ModelRecord) {
    makeRoom()
    let result = Result { () throws -> ServedModel in
      let clock = ContinuousClock()
      let start = clock.now
      let folder = environment.folder.url(record.path)
      let model = try ServedModel(
        packed.model(record, in: folder, team: environment.team), folder: folder, limits: limits,
        team: environment.team)
      logger.info(
        "model loaded",
        metadata: [
          "model": "\(record.id.text)", "seconds": "\((clock.now - start) / .seconds(1))",
        ])
      return model
    }
    let receivers: [Receiver] = state.withLock { state in
      guard case .loading(let receivers)? = state.entries[record.id] else { return [] }
      state.uses += 1
      state.entries[record.id] =
        if case .success(let model) = result, !state.isClosed {
          .ready(model, lastUse: state.uses)
        } else {
          nil
        }
      return receivers
    }
    for receiver in receivers { receiver(result) }
  }

  /// Lets models go until there is a place for one more.
  private func makeRoom() {
    let gone = state.withLock { state in
      var ready = state.entries.compactMap { id, entry -> (ModelID, UInt64)? in
        if case .ready(let model, let use) = entry, model.engine.load.running == 0 {
          (id, use)
        } else {
          nil
        }
      }
      ready.sort { $0.1 < $1.1 }
      let excess = state.entries.count - residentMax
      let leaving = ready.prefix(max(0, excess)).map(\.0)
      for id in leaving { state.entries[id] = nil }
      return leaving
    }
    for id in gone { logger.info("model unloaded", metadata: ["model": "\(id.text)"]) }
  }
}
