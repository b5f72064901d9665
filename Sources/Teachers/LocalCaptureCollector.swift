import Dispatch
package import Foundation
package import Tokenization
package import Traces

/// Asks a local teacher about texts and stores what it says in its own tokens, for students of any
/// tokenizer.
package struct LocalCaptureCollector {
  private let teacher: LocalTeacher
  private let tokenizer: Tokenizer
  private let topK: Int
  private let lengthLimit: Int
  private let signal: LocalTeacher.SignalRows
  private let now: () -> Double

  /// Captures of a shard at most,
  private static let capturesPerShard = 2000
  /// and how old it may become: what a crash can lose of a slow teacher's work.
  private static let secondsPerShard = 300.0
  /// Tokens that are scored together; a stop loses at most these.
  private static let tokensPerRound = 16_384

  /// - Parameters:
  ///   - tokenizer: the teacher's. - lengthLimit: its tokens of one text, prompt included, at most.
  ///   - now: seconds of a clock that never goes back.
  package init(
    teacher: LocalTeacher, tokenizer: Tokenizer, topK: Int, lengthLimit: Int,
    signal: LocalTeacher.SignalRows = .loss,
    now: @escaping () -> Double = { Double(DispatchTime.now().uptimeNanoseconds) * 1e-9 }
  ) {
    self.teacher = teacher
    self.tokenizer = tokenizer
    self.topK = topK
    self.lengthLimit = lengthLimit
    self.signal = signal
    self.now = now
  }

  /// What a collection did.
  package struct Result: Equatable, Sendable {
    package let end: CollectionEnd
    /// Texts of this run that did not fit and were cut.
    package let cutTexts: Int
  }

  /// Stores captures of `texts` in `folder`, which must exist; goes on behind what it holds.
  ///
  /// - Parameters:
  ///   - tokenBudget: teacher tokens to score at most in this run; nil for all texts.
  ///   - shouldStop: asked between batches. - progress: told how far it is.
  /// - Throws: `TeacherError`, `TraceError`, `FileError`.
  package func collect(
    _ texts: [CaptureText], into folder: URL, metadata: CaptureMetadata, tokenBudget: Int? = nil,
    shouldStop: () -> Bool = { false }, progress: (CollectionProgress) -> Void = { _ in },
    onShard: (CaptureShardSummary) throws -> Void = { _ in }
  ) throws -> Result {
    let writer = try CaptureShardWriter(folder: folder, metadata: metadata)
    let stored = try CaptureReader.shardNumbers(in: folder)
    var shard = (stored.last ?? -1) + 1
    let lastID = stored.isEmpty ? -1 : try CaptureReader(folder: folder).lastID ?? -1
    let wanted = texts.filter { $0.id > lastID && !($0.prompt.isEmpty && $0.text.isEmpty) }
    let budget = tokenBudget ?? .max
    var captures: [Capture] = []
    var (next, tokens, cut) = (0, 0, 0)
    let start = now()
    var shardStart = start
    func flush() throws {
      guard !captures.isEmpty else { return }
      try onShard(try writer.write(captures, shard: shard))
      captures = []
      shard += 1
      shardStart = now()
    }
    while next < wanted.count {
      var round: [TeacherTokenization] = []
      var roundTokens = 0
      while next < wanted.count, roundTokens < Self.tokensPerRound {
        let text = TeacherTokenization(wanted[next], tokenizer: tokenizer, lengthLimit: lengthLimit)
        guard tokens + roundTokens + text.sequence.tokens.count <= budget else { break }
        if text.isCut(from: wanted[next]) { cut += 1 }
        roundTokens += text.sequence.tokens.count
        round.append(text)
        next += 1
      }
      guard !round.isEmpty else {
        try flush()
        return Result(end: .budgetSpent, cutTexts: cut)
      }
      let scored = try teacher.score(
        round.map(\.sequence).filter { !$0.tokens.isEmpty }, choice: .top(topK), signal: signal,
        shouldStop: shouldStop)
      guard let scored else {
        try flush()
        return Result(end: .stopped, cutTexts: cut)
      }
      let rows = Dictionary(uniqueKeysWithValues: scored.map { ($0.id, $0) })
      for text in round {
        guard let rows = rows[text.sequence.id] else { continue }
        captures.append(text.capture(rows, tokenizer: tokenizer))
        if captures.count >= Self.capturesPerShard { try flush() }
      }
      tokens += roundTokens
      if now() - shardStart >= Self.secondsPerShard { try flush() }
      // The tokens of texts to come are not known before they are encoded.
      let total = Double(tokens) / Double(next) * Double(wanted.count)
      progress(
        CollectionProgress(
          sequences: next, tokens: tokens, tokenTotal: min(budget, Int(total)),
          tokensPerSecond: Double(tokens) / max(now() - start, 1e-9)))
    }
    try flush()
    return Result(end: .complete, cutTexts: cut)
  }
}
