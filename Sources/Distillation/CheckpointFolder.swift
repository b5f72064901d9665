internal import Checkpoints
package import Foundation

/// Where a run's checkpoints lie: `<model>_step_<n>/`, with `<model>_step_<n>_health.json` beside.
package struct CheckpointFolder: Sendable {
  /// The folder; it must exist.
  package let url: URL
  /// `<model>` of the names: a plain file name.
  package let modelName: String
  /// How many of the newest stay, 2 or more: the newest may turn out damaged.
  package let keepLast: Int
  /// Whether the one with the lowest loss stays too: by validation where one was made, else by the
  /// smoothed training loss.
  package let keepsBest: Bool

  /// - Parameters: as the properties.
  package init(url: URL, modelName: String, keepLast: Int = 2, keepsBest: Bool = true) {
    self.url = url
    self.modelName = modelName
    self.keepLast = max(2, keepLast)
    self.keepsBest = keepsBest
  }

  private var prefix: String { "\(modelName)_step_" }

  /// Writes a checkpoint, then removes those that need not stay.
  ///
  /// - Returns: where it lies.
  /// - Throws: `.checkpoint`; the checkpoints that were there before stay.
  package func write(
    _ image: CheckpointImage, tokenizer: Data? = nil
  ) throws(TrainingError) -> URL {
    let name = prefix + String(image.state.step)
    let checkpoint = url.appendingPathComponent(name, isDirectory: true)
    try image.write(to: checkpoint, tokenizer: tokenizer)
    do {
      try writeJSON(image.health, "\(name)_health.json", in: url)
      try prune()
    } catch {
      throw .checkpoint("\(url.path): \(error)")
    }
    return checkpoint
  }

  /// Removes what a killed writer left. Call it before a run goes on, while nobody writes here.
  package func removeUnfinished() throws(TrainingError) {
    do {
      try AtomicFile.removeUnfinished(in: url)
    } catch {
      throw .checkpoint("\(url.path): \(error)")
    }
  }

  /// The newest checkpoint that is whole, and what is wrong with newer ones.
  package func newestWhole() throws(TrainingError) -> (url: URL?, damaged: [String]) {
    do {
      let found = try CheckpointDirectory.newestWhole(in: url, prefix: prefix)
      return (found.whole, found.damaged.map(\.description))
    } catch {
      throw .checkpoint("\(url.path): \(error)")
    }
  }

  /// The whole name of the checkpoint with the lowest loss; nil when there is none.
  package func best() -> String? {
    let healths = healths()
    let validated = healths.compactMap { name, health in
      // A validation of an earlier step says nothing about this checkpoint.
      health.validation.flatMap { $0.step == health.step ? (name: name, loss: $0.loss) : nil }
    }
    let smoothed = healths.compactMap { name, health in
      health.smoothedLoss.map { (name: name, loss: $0) }
    }
    return (validated.isEmpty ? smoothed : validated)
      .min { ($0.loss, $0.name) < ($1.loss, $1.name) }?.name
  }

  private func prune() throws {
    let keep: Set<String> = keepsBest ? Set([best()].compactMap { $0 }) : []
    try CheckpointDirectory.prune(in: url, prefix: prefix, keepLast: keepLast, keep: keep)
    for (name, _) in healths() {
      guard !FileManager.default.fileExists(atPath: url.appendingPathComponent(name).path) else {
        continue
      }
      try FileManager.default.removeItem(at: url.appendingPathComponent("\(name)_health.json"))
    }
  }

  /// The health files that can be read, by the checkpoint's name.
  private func healths() -> [(name: String, health: TrainingHealth)] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: url.path)) ?? []
    return names.compactMap { fileName in
      guard fileName.hasPrefix(prefix), fileName.hasSuffix("_health.json"),
        let data = try? Data(contentsOf: url.appendingPathComponent(fileName)),
        let health = try? JSONDecoder().decode(TrainingHealth.self, from: data)
      else { return nil }
      return (String(fileName.dropLast("_health.json".count)), health)
    }
  }
}
