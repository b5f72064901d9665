// One run takes rows, each a token of some sequence at some position, through all blocks: a chunk of
// a prompt, or one token of each of many sequences; the weights are read once for all of them. The
// order of a block is that of Transformer/TransformerBlock.swift.

internal import CKernels
package import Kernels
internal import Transformer

/// Sequences that grow token by token over one model. Not for several threads at once.
package final class InferenceSession {
  package let model: InferenceModel
  package let maximumSequences: Int
  package let maximumLength: Int
  private let runner: BlockRunner
  private let space: Workspace
  private let cache: KeyValueCache
  private let sharesBeginnings: Bool
  private var lengths: [Int]

  /// A session with empty sequences `0 ..< maximumSequences`.
  ///
  /// - Parameter cachePositions: positions that all sequences may have together; nil: as many as
  ///   they can have.
  /// - Parameter sharesBeginnings: whether `begin` finds what was computed before. The model's
  ///   `activationBits` must then stay as they are.
  package init(
    model: InferenceModel, maximumSequences: Int, maximumLength: Int, cachePositions: Int? = nil,
    cachePrecision: CachePrecision = .fp16, sharesBeginnings: Bool = false,
    team: ComputeTeam = .shared, instructionSet: InstructionSet = .active
  ) {
    precondition(maximumSequences >= 1 && maximumLength >= 1, "a session needs room")
    self.model = model
    self.maximumSequences = maximumSequences
    self.maximumLength = maximumLength
    lengths = Array(repeating: 0, count: maximumSequences)
    space = Workspace(model.configuration, maximumSequences: maximumSequences)
    cache = KeyValueCache(
      model.configuration, sequences: maximumSequences, maximumLength: maximumLength,
      positions: cachePositions, precision: cachePrecision, instructionSet: instructionSet)
    self.sharesBeginnings = sharesBeginnings
    runner = BlockRunner(
      model: model, space: space, cache: cache,
      rotary: RotaryTables(model.configuration, maximumLength: maximumLength), team: team,
      instructionSet: instructionSet)
  }

  /// Positions that a sequence holds.
  package func length(of sequence: Int) -> Int { lengths[sequence] }

  /// Empties a sequence.
  package func reset(_ sequence: Int) {
    lengths[sequence] = 0
    cache.reset(sequence)
  }

  /// Empties a sequence, and gives it the positions of `tokens`' beginning that were computed for
  /// any sequence before. At least one token is left to be appended.
  ///
  /// - Returns: how many tokens need not be appended.
  package func begin(_ tokens: [Int32], sequence: Int) -> Int {
    reset(sequence)
    guard sharesBeginnings else { return 0 }
    lengths[sequence] = cache.takeKnown(tokens, limit: tokens.count - 1, sequence: sequence)
    return lengths[sequence]
  }

  /// Takes the memory that a sequence needs to grow to `length` positions, so that nothing that
  /// others do can keep it from growing so far.
  ///
  /// - Returns: false when the cache has too little; then nothing changes.
  package func reserve(_ length: Int, sequence: Int) -> Bool {
    cache.reserve(length, sequence: sequence)
  }

  /// Positions of the cache that sequences hold, in whole pages, and that there are.
  package var cachePositions: (held: Int, total: Int) {
    let size = KeyValueCache.pagePositions
    return (cache.pool.heldCount * size, cache.pool.pageCount * size)
  }

  /// Appends tokens to a sequence.
  ///
  /// - Returns: the logits behind the last token, `[V]`, valid until the next call.
  package func prefill(
    _ tokens: [Int32], sequence: Int
  ) throws(InferenceError) -> UnsafeBufferPointer<Float> {
    UnsafeBufferPointer(
      start: try prefill([(sequence, tokens)]), count: model.configuration.vocabSize)
  }

  /// Appends tokens to several different sequences, which share the passes over the weights.
  ///
  /// - Returns: the logits behind the last token of each, `[prompts.count, V]`, valid until the next
  ///   call.
  package func prefill(
    _ prompts: [(sequence: Int, tokens: [Int32])]
  ) throws(InferenceError) -> UnsafePointer<Float> {
    precondition(
      Set(prompts.map(\.sequence)).count == prompts.count, "a sequence appears twice")
    for prompt in prompts { try check(prompt.tokens, sequence: prompt.sequence) }
    for prompt in prompts { try grow(prompt.sequence, by: prompt.tokens.count) }
    var rows: [TokenRow] = []
    for (index, prompt) in prompts.enumerated() {
      for (offset, token) in prompt.tokens.enumerated() {
        rows.append(
          TokenRow(
            sequence: prompt.sequence, position: lengths[prompt.sequence] + offset, token: token,
            logits: offset == prompt.tokens.count - 1 ? index : nil))
      }
    }
    for first in stride(from: 0, to: rows.count, by: space.rowCapacity) {
      let chunk = rows[first..<min(rows.count, first + space.rowCapacity)]
      run(Array(chunk))
      writeLogits(of: Array(chunk))
    }
    for prompt in prompts { finish(prompt.tokens, sequence: prompt.sequence) }
    return UnsafePointer(space.logits.pointer)
  }

  /// Appends tokens to a sequence and gives the logits behind every one of them.
  ///
  /// - Parameter body: called in order with a range of indices into `tokens` and their logits,
  ///   `[range.count, V]`, valid during the call.
  package func score(
    _ tokens: [Int32], sequence: Int, _ body: (Range<Int>, UnsafePointer<Float>) -> Void
  ) throws(InferenceError) {
    try check(tokens, sequence: sequence)
    try grow(sequence, by: tokens.count)
    let start = lengths[sequence]
    for first in stride(from: 0, to: tokens.count, by: space.rowCapacity) {
      let chunk = first..<min(tokens.count, first + space.rowCapacity)
      run(
        chunk.map {
          TokenRow(sequence: sequence, position: start + $0, token: tokens[$0], logits: nil)
        })
      for part in stride(from: 0, to: chunk.count, by: space.logitsCapacity) {
        let rows = part..<min(chunk.count, part + space.logitsCapacity)
        runner.finish(rows: Array(rows))
        runner.head(count: rows.count, logits: space.logits.pointer)
        body(
          first + rows.lowerBound..<first + rows.upperBound, UnsafePointer(space.logits.pointer))
      }
    }
    finish(tokens, sequence: sequence)
  }

  /// Appends tokens to several different sequences, which share the passes over the weights, and
  /// gives the logits behind every token from `from` on.
  ///
  /// - Parameter body: called in order with which tokens these are, by the prompt's index and the
  ///   offset into its tokens, and their logits, `[places.count, V]`, valid during the call.
  package func score(
    _ prompts: [(sequence: Int, tokens: [Int32], from: Int)],
    _ body: ([(prompt: Int, offset: Int)], UnsafePointer<Float>) -> Void
  ) throws(InferenceError) {
    precondition(
      Set(prompts.map(\.sequence)).count == prompts.count, "a sequence appears twice")
    for prompt in prompts { try check(prompt.tokens, sequence: prompt.sequence) }
    for prompt in prompts { try grow(prompt.sequence, by: prompt.tokens.count) }
    var rows: [TokenRow] = []
    var places: [(prompt: Int, offset: Int)] = []
    for (index, prompt) in prompts.enumerated() {
      for (offset, token) in prompt.tokens.enumerated() {
        rows.append(
          TokenRow(
            sequence: prompt.sequence, position: lengths[prompt.sequence] + offset, token: token,
            logits: offset >= prompt.from ? places.count : nil))
        if offset >= prompt.from { places.append((index, offset)) }
      }
    }
    for first in stride(from: 0, to: rows.count, by: space.rowCapacity) {
      let chunk = Array(rows[first..<min(rows.count, first + space.rowCapacity)])
      run(chunk)
      let asked = chunk.indices.filter { chunk[$0].logits != nil }
      for part in stride(from: 0, to: asked.count, by: space.logitsCapacity) {
        let wanted = asked[part..<min(asked.count, part + space.logitsCapacity)]
        runner.finish(rows: Array(wanted))
        runner.head(count: wanted.count, logits: space.logits.pointer)
        body(
          wanted.compactMap { chunk[$0].logits.map { places[$0] } },
          UnsafePointer(space.logits.pointer))
      }
    }
    for prompt in prompts { finish(prompt.tokens, sequence: prompt.sequence) }
  }

  /// Appends one token to each of several different sequences.
  ///
  /// - Returns: the logits behind each, `[tokens.count, V]`, valid until the next call.
  package func decode(
    _ tokens: [(sequence: Int, token: Int32)]
  ) throws(InferenceError) -> UnsafePointer<Float> {
    try prefill(tokens.map { ($0.sequence, [$0.token]) })
  }

  private func check(_ tokens: [Int32], sequence: Int) throws(InferenceError) {
    precondition(sequence >= 0 && sequence < maximumSequences, "no sequence \(sequence)")
    guard !tokens.isEmpty else { throw .emptyPrompt }
    let needed = lengths[sequence] + tokens.count
    guard needed <= maximumLength else {
      throw .contextFull(needed: needed, maximumLength: maximumLength)
    }
    let vocabulary = model.configuration.vocabSize
    for token in tokens where token < 0 || Int(token) >= vocabulary {
      throw .tokenOutOfRange(token: token, vocabularySize: vocabulary)
    }
  }

  private func grow(_ sequence: Int, by count: Int) throws(InferenceError) {
    guard cache.reserve(lengths[sequence] + count, sequence: sequence) else {
      throw .cacheFull(
        needed: count, free: cache.pool.availableCount * KeyValueCache.pagePositions)
    }
  }

  /// Notes that tokens ran.
  private func finish(_ tokens: [Int32], sequence: Int) {
    lengths[sequence] += tokens.count
    if sharesBeginnings { cache.note(tokens[...], sequence: sequence) }
  }

  private func run(_ rows: [TokenRow]) {
    runner.embed(rows)
    for index in model.blocks.indices { runner.run(block: index, rows) }
  }

  /// The logits of the rows that ask for them, each at its index.
  private func writeLogits(of rows: [TokenRow]) {
    let asked = rows.indices.filter { rows[$0].logits != nil }
    guard let first = asked.first, let index = rows[first].logits else { return }
    // Prompts end in the order of their indices, so that these rows' logits are neighbours.
    runner.finish(rows: asked)
    runner.head(
      count: asked.count, logits: space.logits.pointer + index * model.configuration.vocabSize)
  }
}

/// One token on its way through the blocks.
struct TokenRow {
  let sequence: Int
  let position: Int
  let token: Int32
  /// Which row of the logits it fills; nil when nobody asks.
  let logits: Int?
}
