import Foundation
package import Kernels
package import Traces
package import Transformer

/// A teacher in this process: exact distributions of a model whose weights are in memory.
///
/// Texts are scored in batches of like lengths. The head's logits exist for some hundred rows at a
/// time, and only for positions whose next token is asked for. One thread at a time may use it.
package final class LocalTeacher {
  /// Which rows get a teacher signal.
  package enum SignalRows: Sendable {
    /// Every token but the first.
    case all
    /// Tokens that count in the loss, which spares the head's work on prompts.
    case loss
  }

  /// Logits that exist at once: every chunk reads the whole head, so few chunks are fast.
  private static let chunkLogits = 40 << 20

  /// What computes: a model whose weights may be trained, or one that stays as it is stored.
  private enum Model {
    case trained(Transformer)
    case stored(StoredTransformer)
  }

  private let model: Model
  private let configuration: ModelConfiguration
  private let precision: ProductPrecision
  private let team: ComputeTeam
  private let maximumLength: Int
  private let maximumRows: Int
  private let chunkRows: Int
  private let hiddenRows: AlignedBuffer<Float>
  private let logits: AlignedBuffer<Float>

  /// A teacher over `parameters`, which must stay as they are.
  ///
  /// - Parameters:
  ///   - maximumLength: tokens of the longest text.
  ///   - batchRows: positions that the model computes at once, padding included; at least
  ///     `maximumLength`.
  ///   - precision: how products may round; `.bf16` doubles the speed at errors near 1e-2 of a logit
  ///     where the CPU has fast instructions for it.
  package convenience init(
    configuration: ModelConfiguration, parameters: Parameters, maximumLength: Int,
    batchRows: Int = 2048, precision: ProductPrecision = .fp32, team: ComputeTeam = .shared
  ) throws(TeacherError) {
    precondition(maximumLength > 0, "texts must have tokens")
    let precision = precision.whereFaster
    let model: Transformer
    do throws(ModelConfigurationError) {
      model = try Transformer(
        configuration: configuration, parameters: parameters, gradients: nil,
        maximumSequences: max(1, batchRows / maximumLength), maximumLength: maximumLength,
        precision: precision, team: team)
    } catch {
      throw .badConfiguration("\(error)")
    }
    model.quantizeWeights()
    self.init(
      .trained(model), configuration, maximumLength: maximumLength, batchRows: batchRows,
      precision: precision, team: team)
  }

  /// A teacher over weights as a checkpoint stores them, which are never copied to fp32.
  ///
  /// - Parameter precision: as above; nil is bf16 for weights in bf16, and else fp32.
  package convenience init(
    weights: StoredWeights, maximumLength: Int, batchRows: Int = 2048,
    precision: ProductPrecision? = nil, team: ComputeTeam = .shared
  ) {
    precondition(maximumLength > 0, "texts must have tokens")
    let precision = (precision ?? (weights.head.storage == .bf16 ? .bf16 : .fp32)).whereFaster
    let model = StoredTransformer(
      weights: weights, maximumSequences: max(1, batchRows / maximumLength),
      maximumLength: maximumLength, precision: precision, team: team)
    self.init(
      .stored(model), weights.configuration, maximumLength: maximumLength, batchRows: batchRows,
      precision: precision, team: team)
  }

  private init(
    _ model: Model, _ configuration: ModelConfiguration, maximumLength: Int, batchRows: Int,
    precision: ProductPrecision, team: ComputeTeam
  ) {
    self.model = model
    self.configuration = configuration
    self.precision = precision
    self.team = team
    self.maximumLength = maximumLength
    maximumRows = max(1, batchRows / maximumLength) * maximumLength
    chunkRows = Self.chunkRows(configuration, maximumRows: maximumRows)
    hiddenRows = AlignedBuffer(count: chunkRows * configuration.hiddenSize)
    logits = AlignedBuffer(count: chunkRows * configuration.vocabSize)
  }

  /// Tokens that the teacher knows.
  package var vocabularySize: Int { configuration.vocabSize }

  /// Bytes that a teacher takes, its weights included.
  ///
  /// - Parameter storedWeightBytes: of weights that stay as they are stored; nil for parameters in
  ///   fp32.
  package static func memoryBytes(
    _ configuration: ModelConfiguration, maximumLength: Int, batchRows: Int = 2048,
    storedWeightBytes: Int? = nil
  ) -> Int {
    let sequences = max(1, batchRows / maximumLength)
    let model = Transformer.memoryBytes(
      configuration: configuration, sequences: sequences, length: maximumLength, training: false)
    let rows = chunkRows(configuration, maximumRows: sequences * maximumLength)
    let weights = storedWeightBytes ?? model.parameters
    return model.total - model.parameters + weights
      + 4 * rows * (configuration.hiddenSize + configuration.vocabSize)
  }

  private static func chunkRows(_ configuration: ModelConfiguration, maximumRows: Int) -> Int {
    min(maximumRows, max(64, chunkLogits / configuration.vocabSize))
  }

  /// Scores texts that are not empty, in any order of length.
  ///
  /// - Parameters:
  ///   - choice: which candidates a row keeps; their number is at most `TopCandidates.countMax`, and
  ///     a smaller vocabulary gives fewer.
  ///   - seed: of what is drawn.
  ///   - shouldStop: asked before each batch.
  ///   - progress: called with the tokens of each batch when it is scored.
  /// - Returns: the traces in the order of `sequences`; nil when it was stopped.
  package func score(
    _ sequences: [UnscoredSequence], choice: CandidateChoice, seed: UInt64 = 1,
    signal: SignalRows = .all, shouldStop: () -> Bool = { false },
    progress: (_ tokens: Int) -> Void = { _ in }
  ) throws(TeacherError) -> [TraceSequence]? {
    for sequence in sequences { try check(sequence) }
    var results: [TraceSequence?] = Array(repeating: nil, count: sequences.count)
    let byLength = sequences.indices.sorted {
      (sequences[$0].tokens.count, $0) < (sequences[$1].tokens.count, $1)
    }
    for batch in batches(byLength, of: sequences) {
      if shouldStop() { return nil }
      for (index, result) in zip(
        batch, try scoreBatch(batch.map { sequences[$0] }, choice, seed: seed, signal: signal))
      {
        results[index] = result
      }
      progress(batch.reduce(0) { $0 + sequences[$1].tokens.count })
    }
    return results.compactMap(\.self)
  }

  private func check(_ sequence: UnscoredSequence) throws(TeacherError) {
    precondition(!sequence.tokens.isEmpty, "a text must have tokens")
    guard sequence.tokens.count <= maximumLength else {
      throw .tooLong(sequence: sequence.id, tokens: sequence.tokens.count, limit: maximumLength)
    }
    for (position, token) in sequence.tokens.enumerated()
    where !(0..<Int32(vocabularySize) ~= token) {
      throw .tokenOutsideVocabulary(
        sequence: sequence.id, position: position, token: token, vocabularySize: vocabularySize)
    }
  }

  /// Cuts rising lengths into batches that fit when padded to their longest.
  private func batches(_ byLength: [Int], of sequences: [UnscoredSequence]) -> [[Int]] {
    var batches: [[Int]] = []
    for index in byLength {
      let length = sequences[index].tokens.count
      if let last = batches.last, (last.count + 1) * length <= maximumRows {
        batches[batches.count - 1].append(index)
      } else {
        batches.append([index])
      }
    }
    return batches
  }

  private func scoreBatch(
    _ sequences: [UnscoredSequence], _ choice: CandidateChoice, seed: UInt64, signal: SignalRows
  ) throws(TeacherError) -> [TraceSequence] {
    let batch = TokenBatch(sequences.map(\.tokens))
    let hidden = forward(batch)
    var drafts = sequences.map { TraceDraft($0, topK: choice.candidatesMax) }
    var targets: [Target] = []
    for (index, sequence) in sequences.enumerated() {
      for position in sequence.tokens.indices.dropFirst()
      where signal == .all || sequence.lossMask[position] {
        targets.append(
          Target(
            draft: index, position: position,
            hiddenRow: index * batch.length + position - 1))
      }
    }
    // Chunks of like size, so that no small one reads the whole head for a few rows.
    let chunks = max(1, (targets.count + chunkRows - 1) / chunkRows)
    let rows = (targets.count + chunks - 1) / chunks
    for start in stride(from: 0, to: targets.count, by: max(1, rows)) {
      let chunk = targets[start..<min(targets.count, start + rows)]
      try score(chunk, hidden: hidden, choice, seed: seed, into: &drafts)
    }
    return drafts.map { $0.finished() }
  }

  private func forward(_ batch: TokenBatch) -> UnsafePointer<Float> {
    switch model {
    case .trained(let model): model.forward(batch)
    case .stored(let model): model.forward(batch)
    }
  }

  /// A row that gets a signal: token `position` of a draft, predicted from `hiddenRow`.
  private struct Target {
    let draft: Int
    let position: Int
    let hiddenRow: Int
  }

  private func score(
    _ targets: ArraySlice<Target>, hidden: UnsafePointer<Float>, _ choice: CandidateChoice,
    seed: UInt64, into drafts: inout [TraceDraft]
  ) throws(TeacherError) {
    writeLogits(of: targets, hidden: hidden)
    switch choice {
    case .top(let topK):
      let count = min(topK, vocabularySize)
      let candidates = try topCandidates(targets, count: count, drafts)
      for (row, target) in targets.enumerated() {
        let place = (row * count)..<((row + 1) * count)
        drafts[target.draft].setRow(
          target.position, ids: candidates.ids[place], logprobs: candidates.logprobs[place],
          other: candidates.otherLogprobs[row])
      }
    case .sampled(let exact, let draws):
      let count = min(exact, vocabularySize)
      let candidates = try topCandidates(targets, count: count, drafts)
      for (row, target) in targets.enumerated() {
        let place = (row * count)..<((row + 1) * count)
        let sampled = SampledRow(
          exactIDs: candidates.ids[place], exactLogprobs: candidates.logprobs[place],
          restLogprob: candidates.otherLogprobs[row],
          restMasses: logits.pointer + row * vocabularySize, vocabularySize: vocabularySize,
          draws: draws,
          seed: SampledRow.seed(seed, sequence: drafts[target.draft].id, position: target.position))
        drafts[target.draft].setRow(
          target.position, ids: sampled.ids[...], logprobs: sampled.logprobs[...],
          other: -.infinity)
      }
    }
  }
}

extension LocalTeacher {
  /// Writes the logits of some rows, `[targets.count, V]`.
  private func writeLogits(of targets: ArraySlice<Target>, hidden: UnsafePointer<Float>) {
    let width = configuration.hiddenSize
    for (row, target) in targets.enumerated() {
      memcpy(
        hiddenRows.pointer + row * width, hidden + target.hiddenRow * width,
        width * MemoryLayout<Float>.stride)
    }
    switch model {
    case .trained(let model):
      productNT(
        hiddenRows.pointer, model.headWeights, into: logits.pointer, m: targets.count,
        n: vocabularySize, k: width, accumulate: false, precision: precision, team: team)
    case .stored(let model):
      model.head(hiddenRows.pointer, into: logits.pointer, rows: targets.count)
    }
  }

  private func topCandidates(
    _ targets: ArraySlice<Target>, count: Int, _ drafts: [TraceDraft]
  ) throws(TeacherError) -> TopCandidates {
    let candidates = TopCandidates(
      of: logits.pointer, rows: targets.count, vocabularySize: vocabularySize, count: count,
      team: team)
    for (row, target) in targets.enumerated() where !candidates.isFinite[row] {
      throw .notFinite(sequence: drafts[target.draft].id, position: target.position)
    }
    return candidates
  }
}

/// A trace sequence that is being filled; rows without a signal stay as they start.
private struct TraceDraft {
  private let text: UnscoredSequence
  private let topK: Int
  private var ids: [Int32]
  private var logprobs: [Float]
  private var counts: [Int32]
  private var others: [Float]

  init(_ text: UnscoredSequence, topK: Int) {
    self.text = text
    self.topK = topK
    ids = Array(repeating: -1, count: text.tokens.count * topK)
    logprobs = Array(repeating: -.infinity, count: text.tokens.count * topK)
    counts = Array(repeating: 0, count: text.tokens.count)
    others = Array(repeating: 0, count: text.tokens.count)
  }

  var id: Int64 { text.id }

  mutating func setRow(
    _ row: Int, ids newIDs: ArraySlice<Int32>, logprobs newLogprobs: ArraySlice<Float>,
    other: Float
  ) {
    let place = (row * topK)..<(row * topK + newIDs.count)
    ids.replaceSubrange(place, with: newIDs)
    logprobs.replaceSubrange(place, with: newLogprobs)
    counts[row] = Int32(newIDs.count)
    others[row] = other
  }

  func finished() -> TraceSequence {
    TraceSequence(
      id: text.id, tokens: text.tokens, topK: topK, topKIDs: ids, topKLogprobs: logprobs,
      candidateCounts: counts, otherLogprob: others, lossMask: text.lossMask,
      isStruct: text.isStruct)
  }
}
