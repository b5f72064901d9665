internal import CKernels
internal import Foundation
package import Kernels
internal import Transformer

/// What greedy decoding appended to one prompt.
package struct Generation: Codable, Equatable, Sendable {
  /// Why it ended.
  package enum End: String, Codable, Sendable {
    /// A stop token came; it is not among `tokens`.
    case stop
    /// `maximumNewTokens` came, or the context is full.
    case length
    /// Nobody wants the rest.
    case cancelled
  }

  package var tokens: [Int32]
  package var end: End

  package init(tokens: [Int32], end: End) {
    self.tokens = tokens
    self.end = end
  }
}

/// What a batch of prompts took.
package struct GenerationSpeed: Codable, Equatable, Sendable {
  /// Prompt tokens and the seconds that they took.
  package var prefillTokens = 0
  package var prefillSeconds = 0.0
  /// Generated tokens and the seconds that they took.
  package var decodeTokens = 0
  package var decodeSeconds = 0.0

  package init() {}
}

/// Continues every prompt with the most probable token, up to `batch` prompts at a time; a sequence
/// that ends gives its place to the next prompt.
///
/// - Parameters:
///   - prompts: not empty each, with room for at least one more token in `maximumLength`.
///   - maximumLength: positions of a sequence; prompt and answer must fit.
///   - stop: tokens that end an answer.
///   - progress: called with the number of finished prompts.
///   - isCancelled: asked before every step; what is not finished is then returned as it is.
/// - Returns: one generation per prompt, in their order, and the speed.
package func generateGreedy(
  model: InferenceModel, prompts: [[Int32]], maximumNewTokens: Int, maximumLength: Int? = nil,
  stop: Set<Int32>, batch: Int, team: ComputeTeam = .shared,
  instructionSet: InstructionSet = .active, progress: (Int) -> Void = { _ in },
  isCancelled: () -> Bool = { false }
) throws(InferenceError) -> (generations: [Generation], speed: GenerationSpeed) {
  let longest = prompts.map(\.count).max() ?? 0
  let session = InferenceSession(
    model: model, maximumSequences: max(1, min(batch, prompts.count)),
    maximumLength: maximumLength ?? max(1, longest + maximumNewTokens), team: team,
    instructionSet: instructionSet)
  var generation = GreedyGeneration(
    session: session, prompts: prompts, maximumNewTokens: maximumNewTokens, stop: stop)
  while !generation.isFinished && !isCancelled() {
    try generation.step()
    progress(generation.finishedCount)
  }
  return (generation.results, generation.speed)
}

/// The loop of `generateGreedy`, step by step.
private struct GreedyGeneration {
  let session: InferenceSession
  let prompts: [[Int32]]
  let maximumNewTokens: Int
  let stop: Set<Int32>
  private(set) var results: [Generation]
  private(set) var speed = GenerationSpeed()
  private(set) var finishedCount = 0
  private var nextPrompt = 0
  /// By slot: the prompt that it works on, and the token to be appended next.
  private var active: [(prompt: Int, token: Int32)?]

  init(
    session: InferenceSession, prompts: [[Int32]], maximumNewTokens: Int, stop: Set<Int32>
  ) {
    self.session = session
    self.prompts = prompts
    self.maximumNewTokens = maximumNewTokens
    self.stop = stop
    results = prompts.map { _ in Generation(tokens: [], end: .cancelled) }
    active = Array(repeating: nil, count: session.maximumSequences)
  }

  var isFinished: Bool { finishedCount == prompts.count }

  /// Fills free slots with prompts, then appends one token to every slot.
  mutating func step() throws(InferenceError) {
    try fillSlots()
    let slots = active.indices.filter { active[$0] != nil }
    guard !slots.isEmpty else { return }
    let start = DispatchTime.now().uptimeNanoseconds
    let logits = try session.decode(slots.map { ($0, active[$0]!.token) })
    let tokens = largest(logits, count: slots.count)
    speed.decodeSeconds += seconds(since: start)
    speed.decodeTokens += slots.count
    for (slot, token) in zip(slots, tokens) {
      take(token, slot: slot, prompt: active[slot]!.prompt)
    }
  }

  private mutating func fillSlots() throws(InferenceError) {
    var started: [(slot: Int, prompt: Int)] = []
    for slot in active.indices where active[slot] == nil && nextPrompt < prompts.count {
      session.reset(slot)
      started.append((slot, nextPrompt))
      nextPrompt += 1
    }
    guard !started.isEmpty else { return }
    let start = DispatchTime.now().uptimeNanoseconds
    let logits = try session.prefill(started.map { ($0.slot, prompts[$0.prompt]) })
    let tokens = largest(logits, count: started.count)
    speed.prefillSeconds += seconds(since: start)
    speed.prefillTokens += started.reduce(0) { $0 + prompts[$1.prompt].count }
    for ((slot, prompt), token) in zip(started, tokens) { take(token, slot: slot, prompt: prompt) }
  }

  /// Notes the token that follows, and frees the slot when it is the last.
  private mutating func take(_ token: Int32, slot: Int, prompt: Int) {
    active[slot] = nil
    if stop.contains(token) {
      results[prompt].end = .stop
    } else if results[prompt].tokens.count >= maximumNewTokens {
      results[prompt].end = .length
    } else {
      results[prompt].tokens.append(token)
      let isFull =
        results[prompt].tokens.count >= maximumNewTokens
        || session.length(of: slot) >= session.maximumLength
      guard isFull else {
        active[slot] = (prompt, token)
        return
      }
      results[prompt].end = .length
    }
    finishedCount += 1
  }

  private func largest(_ logits: UnsafePointer<Float>, count: Int) -> [Int32] {
    let vocabulary = session.model.configuration.vocabSize
    return (0..<count).map { Int32(index_of_largest(logits + $0 * vocabulary, vocabulary)) }
  }

  private func seconds(since start: UInt64) -> Double {
    Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9
  }
}
