package import Kernels
internal import Synchronization

/// Continues prompts by sampling, many at once, and returns when all have ended.
///
/// A pure function of its arguments: the same model, prompts, options and team give the same tokens.
///
/// - Parameters:
///   - prompts: each of a token or more, and shorter than `maximumLength`.
///   - maximumNewTokens: of each answer; `maximumLength`: positions of prompt and answer together.
///   - sampling: whose seed each prompt continues by its own place in the list.
///   - stopTokens: end an answer; the one that did is its last token.
/// - Returns: the answers, in the order of the prompts.
/// - Throws: `GenerationFailure`, when a model's logits are not finite.
package func generateSampled(
  _ model: InferenceModel, prompts: [[Int32]], maximumNewTokens: Int, maximumLength: Int,
  sampling: SamplingOptions, stopTokens: Set<Int32>, team: ComputeTeam
) throws(GenerationFailure) -> [[Int32]] {
  let limits = GenerationLimits(
    maximumSequences: min(32, max(1, prompts.count)), maximumContext: maximumLength,
    cachePrecision: .fp32)
  let scheduler = GenerationScheduler(
    model: model, limits: limits, team: team, instructionSet: .active)
  let answers = Mutex<[[Int32]]>(Array(repeating: [], count: prompts.count))
  let failure = Mutex<GenerationFailure?>(nil)
  var news = GenerationInbox.News()
  for (index, prompt) in prompts.enumerated() {
    var options = sampling
    options.seed = sampling.seed &+ UInt64(index)
    // The stop token itself is wanted, so that the receiver ends the answer and not the scheduler.
    let request = GenerationRequest(
      tokens: prompt, maximumNewTokens: maximumNewTokens, sampling: options)
    news.submissions.append(
      Submission(
        handle: GenerationHandle(number: UInt64(index)), request: request,
        receiver: { event in
          switch event {
          case .token(let token, _):
            answers.withLock { $0[index].append(token) }
            return stopTokens.contains(token) ? .enough : .more
          case .failed(let reason):
            failure.withLock { $0 = $0 ?? reason }
            return .enough
          case .prompt, .finished: return .more
          }
        }, submittedAt: 0))
  }
  scheduler.take(news)
  while scheduler.isBusy { scheduler.step() }
  if let failure = failure.withLock({ $0 }) { throw failure }
  return answers.withLock { $0 }
}
