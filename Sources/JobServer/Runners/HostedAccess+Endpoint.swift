internal import Foundation
internal import HostedTeachers
internal import JobAPI
internal import Jobs
internal import Traces
internal import WorkerPool

extension TeacherSource {
  /// Where and as whom a hosted teacher is asked; nil for a local one.
  func endpoint() throws(HostedTeacherError) -> HostedEndpoint? {
    guard let provider = HostedProvider(rawValue: provider.rawValue),
      let api = HostedProvider.API(rawValue: hosted.api.rawValue)
    else { return nil }
    return try HostedEndpoint(
      provider: provider, model: model, baseURL: hosted.baseURL, api: api,
      keyVariable: hosted.keyVariable)
  }
}

extension CollectSpec {
  /// What a hosted teacher is asked for.
  var question: HostedQuestion {
    var question = HostedQuestion()
    question.purpose = purpose == .score ? .score : .answer
    question.topK = topK
    question.maxTokens = maxTokens
    question.temperature = samplingTemperature
    question.seed = seed
    question.system = teacher.hosted.system
    question.isStreamed = teacher.hosted.isStreamed
    return question
  }
}

extension HostedCollectionOptions {
  /// What the spec of a teacher allows.
  init(_ access: HostedAccess, question: HostedQuestion) {
    self.init()
    self.question = question
    prices = HostedPrices(
      promptPerMillion: access.promptPrice, completionPerMillion: access.completionPrice)
    concurrencyMax = access.concurrency
    requestsPerMinute = access.requestsPerMinute
    tokensPerMinute = access.tokensPerMinute
    requestSecondsMax = access.timeoutSeconds
    // About 100,000 tokens a shard, so that a block's captures fit into memory easily.
    promptsPerShard = min(2048, max(64, 100_000 / max(1, question.maxTokens)))
  }
}

extension HostedTeacherError {
  /// What a runner throws: an attempt later may get through when the teacher was away.
  var jobProblem: any Error {
    let problem = ProblemKind.teacherFailed.problem(description)
    if case .unavailable = self { return RetryableProblem(problem) }
    return problem
  }
}
