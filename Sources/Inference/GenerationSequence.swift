/// One request that runs: how far it is, and what its answer depends on.
final class GenerationSequence {
  enum Outcome {
    case more
    case end(GenerationFinish)
  }

  let submission: Submission
  /// The answer's last token, which is to run next; nil while the prompt is being read.
  private(set) var lastToken: Int32?
  private var readCount = 0
  private var answerCount = 0
  private let answerLimit: Int
  private var sampler: Sampler
  private var constraint: (any TokenConstraint)?
  private var mask: TokenMask?
  private let startedAt: UInt64
  private var firstTokenAt: UInt64
  private var lastTokenAt: UInt64
  /// Prompt tokens whose keys and values were there already.
  private let reused: Int

  /// - Parameter context: positions that prompt and answer may have.
  /// - Parameter reused: leading prompt tokens that need not run.
  init(_ submission: Submission, context: Int, reused: Int = 0, startedAt: UInt64) {
    self.submission = submission
    let request = submission.request
    readCount = reused
    self.reused = reused
    // The last token of an answer takes no position.
    answerLimit = min(request.maximumNewTokens, context + 1 - request.tokens.count)
    sampler = Sampler(request.sampling, prompt: request.tokens)
    constraint = request.constraint
    self.startedAt = startedAt
    firstTokenAt = startedAt
    lastTokenAt = startedAt
  }

  /// Prompt tokens that have not run.
  var unread: Int { submission.request.tokens.count - readCount }
  var unreadTokens: ArraySlice<Int32> { submission.request.tokens[readCount...] }

  /// Notes that tokens ran. False: the prompt goes on.
  func read(_ count: Int) -> Bool {
    if unread > 0 { readCount += count }
    return unread == 0
  }

  /// Draws the next token and tells the receiver.
  ///
  /// - Parameter logits: behind the last token, `[V]`.
  /// - Parameter time: `DispatchTime` in nanoseconds.
  func next(
    _ logits: UnsafePointer<Float>, space: SamplingSpace, at time: UInt64
  ) throws(GenerationFailure) -> Outcome {
    guard answerLimit > 0 else { return .end(.length) }
    let request = submission.request
    if lastToken == nil { firstTokenAt = time }
    lastTokenAt = time
    let token = try sampler.next(logits, mask: allowed(space.vocabulary), space: space)
    if request.stopTokens.contains(token) { return .end(.stop) }
    constraint?.accept(token)
    var logprobs: TokenLogprobs?
    if let top = request.topLogprobs {
      logprobs = try space.logprobs(logits, token: token, top: top)
    }
    answerCount += 1
    lastToken = token
    if submission.receiver(.token(token, logprobs)) == .enough { return .end(.stop) }
    return answerCount < answerLimit ? .more : .end(.length)
  }

  func usage() -> GenerationUsage {
    var usage = GenerationUsage()
    usage.promptTokens = submission.request.tokens.count
    usage.reusedPromptTokens = reused
    usage.answerTokens = answerCount
    usage.queueSeconds = Double(startedAt - submission.submittedAt) / 1e9
    usage.prefillSeconds = Double(firstTokenAt - startedAt) / 1e9
    usage.decodeSeconds = Double(lastTokenAt - firstTokenAt) / 1e9
    return usage
  }

  private func allowed(_ vocabulary: Int) -> TokenMask? {
    guard constraint != nil else { return nil }
    var mask = self.mask ?? TokenMask(vocabularySize: vocabulary)
    mask.removeAll()
    constraint?.markAllowed(in: &mask)
    self.mask = mask
    return mask
  }
}
