// From texts to a trace on disk.
//
// Texts are scored in the order of their ids, some batches at a time, and written to shards. A shard
// ends when it is large or old enough, or when the collection stops for whatever reason, so that a
// cancel, a drain or a spent budget loses nothing, and a crash at most the shard that was open. The
// next run with the same texts goes on behind the last stored one.

import Checkpoints
package import Foundation
package import Traces

/// How far a collection is.
package struct CollectionProgress: Equatable, Sendable {
  /// Texts stored or scored, those of earlier runs included.
  package let sequences: Int
  /// Tokens of them.
  package let tokens: Int
  /// Tokens that the whole collection will have: of all texts, or the budget if that is less.
  package let tokenTotal: Int
  /// Tokens scored a second, in this run.
  package let tokensPerSecond: Double

  /// Share of the work that is done, 0 to 1.
  package var fraction: Double {
    tokenTotal == 0 ? 1 : min(1, Double(tokens) / Double(tokenTotal))
  }
}

/// Why a collection ended.
package enum CollectionEnd: String, Codable, Equatable, Sendable {
  /// All texts are stored.
  case complete
  /// The next text would pass the token budget.
  case budgetSpent = "budget_spent"
  /// It was asked to stop; another run can go on.
  case stopped
}

/// Scores texts with a local teacher and stores what it says.
package struct TraceCollector {
  /// What a collection is allowed and how it stores.
  package struct Options: Sendable {
    /// Which candidates a row keeps.
    package var choice = CandidateChoice.top(20)
    /// Bits of a stored log-probability.
    package var logprobBits = LogprobBits.thirtyTwo
    /// zstd's level for the candidate lists, 1 to 22.
    package var zstdLevel = TraceShardWriter.defaultLevel
    /// Tokens to score at most, in all runs together; nil for all texts.
    package var tokenBudget: Int?
    /// Which rows get a signal.
    package var signal = LocalTeacher.SignalRows.all
    /// A shard ends at this many rows,
    package var rowsPerShard = 500_000
    /// or when it is this old: what a crash can lose of a slow teacher's work.
    package var secondsPerShard = 300.0
    /// Tokens of the texts that are scored together; batches of like lengths are made from them. A
    /// stop loses at most these.
    package var tokensPerRound = 16_384

    /// The defaults.
    package init() {}
  }

  private let teacher: LocalTeacher
  private let options: Options
  private let now: () -> Double

  /// - Parameter now: seconds of a clock that never goes back.
  package init(
    teacher: LocalTeacher, options: Options = Options(),
    now: @escaping () -> Double = { Double(DispatchTime.now().uptimeNanoseconds) * 1e-9 }
  ) {
    self.teacher = teacher
    self.options = options
    self.now = now
  }

  /// Collects a trace of `sequences` into `folder`, which must exist.
  ///
  /// - Parameters:
  ///   - sequences: with rising ids; those without tokens are passed over.
  ///   - metadata: its `topK` and `corpusSHA256` are set here.
  ///   - shouldStop: asked between batches.
  ///   - onShard: called when a shard is stored, and first for those of earlier runs: a crash may
  ///     have come between a shard and the record of it.
  /// - Throws: `TeacherError`; `TraceError` when the folder holds another trace; `FileError`.
  package func collect(
    _ sequences: [UnscoredSequence], into folder: URL, metadata: TraceMetadata,
    shouldStop: () -> Bool = { false }, progress: (CollectionProgress) -> Void = { _ in },
    onShard: (TraceShardSummary) throws -> Void = { _ in }
  ) throws -> CollectionEnd {
    var metadata = metadata
    metadata.topK = options.choice.candidatesMax
    if case .sampled(let exact, let draws) = options.choice {
      metadata.candidates = .sampled(exact: exact, draws: draws)
    }
    metadata.logprobBits = options.logprobBits
    metadata.corpusSHA256 = UnscoredSequence.fingerprint(of: sequences)
    let writer = try TraceShardWriter(
      folder: folder, metadata: metadata, rowsPerShard: options.rowsPerShard,
      zstdLevel: options.zstdLevel)
    for shard in writer.earlierShards { try onShard(shard) }
    let wanted = sequences.filter { !$0.tokens.isEmpty }
    let all = wanted.reduce(0) { $0 + $1.tokens.count }
    let budget = min(all, options.tokenBudget ?? all)

    var next = wanted.firstIndex { $0.id >= writer.nextSequenceID } ?? wanted.count
    var tokens = writer.finishedRowCount
    let start = (time: now(), tokens: tokens)
    var shardStart = start.time
    func report(_ scored: Int) {
      let seconds = max(now() - start.time, 1e-9)
      progress(
        CollectionProgress(
          sequences: next, tokens: scored, tokenTotal: budget,
          tokensPerSecond: Double(scored - start.tokens) / seconds))
    }

    while next < wanted.count {
      let round = affordable(wanted[next...], tokens: budget - tokens)
      guard !round.isEmpty else { return try end(.budgetSpent, writer, onShard) }
      var scored = tokens
      let traces = try teacher.score(
        Array(round), choice: options.choice, seed: metadata.seed, signal: options.signal,
        shouldStop: shouldStop
      ) { batch in
        scored += batch
        report(scored)
      }
      guard let traces else { return try end(.stopped, writer, onShard) }
      for trace in traces {
        guard let summary = try writer.append(trace) else { continue }
        try onShard(summary)
        shardStart = now()
      }
      next += round.count
      tokens = scored
      if now() - shardStart >= options.secondsPerShard {
        if let summary = try writer.finish() { try onShard(summary) }
        shardStart = now()
      }
      report(tokens)
    }
    return try end(.complete, writer, onShard)
  }

  private func end(
    _ end: CollectionEnd, _ writer: TraceShardWriter,
    _ onShard: (TraceShardSummary) throws -> Void
  ) throws -> CollectionEnd {
    if let summary = try writer.finish() { try onShard(summary) }
    return end
  }

  /// The texts of the next round: those that fit into it, at least one, and into the budget.
  private func affordable(
    _ sequences: ArraySlice<UnscoredSequence>, tokens: Int
  ) -> ArraySlice<UnscoredSequence> {
    var total = 0
    let round = sequences.prefix { sequence in
      let isFirst = total == 0
      total += sequence.tokens.count
      return total <= tokens && (isFirst || total <= options.tokensPerRound)
    }
    return round
  }
}
